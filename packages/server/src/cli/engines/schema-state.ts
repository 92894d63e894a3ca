import { IN_MEMORY } from '../database-url.ts'
import type { SchemaState } from '../../service/service.ts'
import type { Engine } from './engine.ts'

/** Looks at our tables in a database. One in memory is there for nobody else to look at; it was made just now, and is complete. */
export async function schemaStateOf(engine: Engine): Promise<SchemaState> {
  const migrations = await engine.migrations()
  try {
    const { applied, pending } = await migrations.status()
    return engine.place === IN_MEMORY
      ? { applied: pending.length, pending: 0 }
      : { applied: applied.length, pending: pending.length }
  } finally {
    await migrations.close()
  }
}

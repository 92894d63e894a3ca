import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { UserStore } from '../../packages/sojourn/src/auth/users.ts'
import { MemoryStore } from '../../packages/sojourn/src/stores/memory.ts'
import { SqliteStore } from '../../packages/sojourn/src/stores/sqlite.ts'
import type { OpenedStore } from '../../packages/sojourn/src/testing/index.ts'

/** A store with its users. */
export interface OpenedWithUsers extends OpenedStore {
  readonly users: UserStore
}

/** Every store there is, by the name that tests call it. The first is the one the others are compared with. */
export const STORES = {
  memory: openMemory,
  'sqlite in memory': async () => beside(SqliteStore.open(':memory:')),
  'sqlite in a file': openSqliteFile,
} as const satisfies Record<string, () => Promise<OpenedWithUsers>>

async function openMemory(): Promise<OpenedWithUsers> {
  return beside(new MemoryStore())
}

async function openSqliteFile(): Promise<OpenedWithUsers> {
  const folder = await mkdtemp(join(tmpdir(), 'sojourn-'))
  const opened = beside(SqliteStore.open(join(folder, 'sessions.db')))
  return { ...opened, cleanUp: () => rm(folder, { recursive: true }) }
}

function beside(store: MemoryStore | SqliteStore): OpenedWithUsers {
  return { store, users: store.users }
}

import fc from 'fast-check'
import { expect, test } from 'vitest'
import { isSojournError } from '../packages/sojourn/src/index.ts'
import { openEmptyPostgres, openPostgres, postgresPath, startPostgres } from './support/postgres.ts'
import { required } from './support/require.ts'
import { STORES } from './support/stores.ts'
import type { OpenedWithUsers } from './support/stores.ts'
import { inAnyOrder, storeCommand } from './support/store-commands.ts'
import type { StoreCommand } from './support/store-commands.ts'

/** How many sequences of calls are tried; raise it to look longer. */
const RUNS = Number(process.env['SOJOURN_TEST_RUNS'] ?? 500)
const LONGEST = 60

const { memory, ...others } = STORES

test.each(Object.entries(others))(
  '%s answers every sequence of calls as the memory store does',
  (name, open) => assertSameAnswers(open, name === 'sqlite in a file' ? Math.ceil(RUNS / 20) : RUNS),
  120_000,
)

test('postgres answers every sequence of calls as the memory store does', { timeout: 300_000 }, async (context) => {
  required(context, 'PostgreSQL', postgresPath)
  const server = await startPostgres()
  try {
    const config = await server.createDatabase()
    await (await openPostgres(config)).close()
    await assertSameAnswers(() => openEmptyPostgres(config), Math.ceil(RUNS / 5))
  } finally {
    await server.close()
  }
})

/** Makes the same calls of both, and insists on the same answers and the same state at the end. */
async function assertSameAnswers(open: () => Promise<OpenedWithUsers>, numRuns: number): Promise<void> {
  const calls = fc.array(storeCommand, { minLength: 1, maxLength: LONGEST, size: 'max' })
  const property = fc.asyncProperty(calls, async (commands) => {
    const [model, store] = [await memory(), await open()]
    try {
      for (const command of commands) {
        expect(await answer(command, store), String(command)).toEqual(await answer(command, model))
      }
      expect(await everything(store)).toEqual(await everything(model))
    } finally {
      await store.store.close()
      await store.cleanUp?.()
    }
  })
  await fc.assert(property, { numRuns })
}

/** What a call answered, or with which code it was turned down. */
async function answer(command: StoreCommand, opened: OpenedWithUsers): Promise<unknown> {
  try {
    return comparable(await command.run(opened))
  } catch (error) {
    if (isSojournError(error)) return { rejected: error.code }
    throw error
  }
}

async function everything({ store, users }: OpenedWithUsers): Promise<unknown> {
  const limit = 1_000
  return comparable({
    sessions: await store.list({ filter: {}, sort: 'createdAt', descending: false, limit }),
    events: inAnyOrder(await store.events({ limit })),
    users: await users.list(null, limit),
  })
}

/** Bytes as text, whatever class they come in. */
function comparable(value: unknown): unknown {
  if (value instanceof Uint8Array) return Buffer.from(value).toString('hex')
  if (Array.isArray(value)) return value.map(comparable)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, comparable(each)]))
}

import fc from 'fast-check'
import { afterAll, expect, test } from 'vitest'
import { isSojournError } from '../packages/sojourn/src/index.ts'
import type { OpenedStore } from '../packages/sojourn/src/testing/index.ts'
import { openEmptyPostgres, openPostgres, postgresPath, startPostgres } from './support/postgres.ts'
import { figure, found } from './support/proof.ts'
import { required } from './support/require.ts'
import { SESSION_STORES, STORES, closeServers } from './support/stores.ts'
import { inAnyOrder, sessionCommand, storeCommand } from './support/store-commands.ts'
import type { StoreCommand } from './support/store-commands.ts'

/** How many sequences of calls are tried; raise it to look longer. */
const RUNS = Number(process.env['SOJOURN_TEST_RUNS'] ?? 500)
const LONGEST = 60

const { memory, ...others } = STORES

afterAll(closeServers)

test.each(Object.entries(others))(
  '%s answers every sequence of calls as the memory store does',
  async (name, open) => {
    const runs = name === 'sqlite in a file' ? Math.ceil(RUNS / 20) : RUNS
    await assertSame(name, storeCommand, memory, open, runs)
  },
  60_000 + RUNS * 200,
)

test.for(Object.entries(SESSION_STORES))(
  '%s answers every sequence of calls about sessions as the memory store does',
  { timeout: 60_000 + RUNS * 400 },
  async ([name, { needs, open }], context) => {
    required(context, 'redis-server', needs)
    const runs = name === 'redis' ? RUNS : Math.ceil(RUNS / 5)
    const model = async (): Promise<OpenedStore> => ({ store: (await memory()).store })
    await assertSame(name, sessionCommand, model, open, runs)
  },
)

test(
  'postgres answers every sequence of calls as the memory store does',
  { timeout: 200_000 + RUNS * 200 },
  async (context) => {
    required(context, 'PostgreSQL', postgresPath)
    const server = await startPostgres()
    try {
      const config = await server.createDatabase()
      await (await openPostgres(config)).close()
      await assertSame('postgres', storeCommand, memory, () => openEmptyPostgres(config), Math.ceil(RUNS / 5))
    } finally {
      await server.close()
    }
  },
)

async function assertSame<Opened extends OpenedStore>(
  name: string,
  command: fc.Arbitrary<StoreCommand<Opened>>,
  openModel: () => Promise<Opened>,
  open: () => Promise<Opened>,
  runs: number,
): Promise<void> {
  const calls = fc.array(command, { minLength: 1, maxLength: LONGEST, size: 'max' })
  const property = fc.asyncProperty(calls, async (commands) => {
    const [model, store] = [await openModel(), await open()]
    try {
      for (const each of commands) {
        expect(await answer(each, store), String(each)).toEqual(await answer(each, model))
      }
      expect(await everything(store)).toEqual(await everything(model))
    } finally {
      await store.store.close()
      await store.cleanUp?.()
    }
  })
  const seed = Date.now() % 2 ** 31
  await fc.assert(property, { numRuns: runs, seed })
  found({
    claim: `${name}: the store answers every sequence of calls as the model does`,
    tried: `${figure(runs)} sequences of up to ${LONGEST} calls`,
    found: '0 answers that differ',
    seed,
  })
}

/** What a call answered, or with which code it was turned down. */
async function answer<Opened extends OpenedStore>(command: StoreCommand<Opened>, opened: Opened): Promise<unknown> {
  try {
    return comparable(await command.run(opened))
  } catch (error) {
    if (isSojournError(error)) return { rejected: error.code }
    throw error
  }
}

async function everything({ store, users }: OpenedStore): Promise<unknown> {
  const limit = 1_000
  return comparable({
    sessions: await store.list({ filter: {}, sort: 'createdAt', descending: false, limit }),
    events: inAnyOrder(await store.events({ limit })),
    users: await users?.list(null, limit),
  })
}

/** Bytes as text, whatever class they come in. */
function comparable(value: unknown): unknown {
  if (value instanceof Uint8Array) return Buffer.from(value).toString('hex')
  if (Array.isArray(value)) return value.map(comparable)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, comparable(each)]))
}

import { isSojournError } from 'sojourn'
import type { Pool } from 'pg'
import type { PostgresUrl } from '../database-url.ts'
import { failed, wrongUsage } from '../failure.ts'
import { withMemory } from './engine.ts'
import type { Engine, EngineMigrations, EngineOptions, OpenedEngine } from './engine.ts'
import { reasonOf } from './reason.ts'
import { namesIn } from './names.ts'
import { isOn } from './switches.ts'

const DEFAULTS = { pool: 10 } as const
/** How long a new connection may take, in milliseconds. */
const PATIENCE = 5_000
const BYTES = `
  SELECT coalesce(sum(pg_total_relation_size(oid)), 0)::text AS bytes FROM pg_class
  WHERE relkind = 'r' AND relname LIKE 'sojourn\\_%' AND pg_table_is_visible(oid)`

/** Sessions, users and keys in one PostgreSQL database. */
export class PostgresEngine implements Engine {
  readonly kind = 'postgres'
  readonly place: string
  readonly #url: PostgresUrl
  readonly #prepare: boolean
  readonly #hints: boolean

  constructor(url: PostgresUrl) {
    this.place = url.place
    this.#url = url
    this.#prepare = isOn(url, 'prepare', true)
    this.#hints = isOn(url, 'hints', false)
  }

  assertThere(): void {}

  async open({ create, lease, deadline }: EngineOptions): Promise<OpenedEngine> {
    const { settings } = this.#url
    const { PostgresStore } = await import('sojourn/postgres')
    const pool = await this.#pool()
    const options = {
      migrate: create,
      endsPool: true,
      deadline: settings['deadline'] ?? deadline,
      prepare: this.#prepare,
      hints: this.#hints,
      allowUnsafe: namesIn(settings['allow-unsafe']),
    }
    const store = await this.#reached(() => PostgresStore.open({ pool, ...options }))
    const { apiKeys } = store
    const memory = await withMemory(store, lease)
    const { users } = memory ?? store
    return { store: memory ?? store, users, apiKeys, memory, close: () => store.close() }
  }

  async migrations(): Promise<EngineMigrations> {
    const { postgresMigrations } = await import('sojourn/postgres')
    const pool = await this.#pool()
    const migrations = postgresMigrations(pool)
    const close = async (): Promise<void> => {
      await migrations.close()
      await pool.end()
    }
    return {
      place: this.place,
      remark: null,
      status: async () => ({ ...(await this.#reached(() => migrations.status())), exists: true }),
      up: () => this.#reached(() => migrations.up()),
      down: () => this.#reached(() => migrations.down()),
      print: () => this.#reached(() => migrations.print()),
      close,
    }
  }

  /** Of our tables with their indexes. */
  async bytes(): Promise<number | null> {
    const pool = await this.#pool()
    pool.on('error', () => {})
    try {
      const { rows } = await pool.query<{ bytes: string }>(BYTES)
      return Number(rows[0]?.bytes)
    } catch {
      // Why it cannot be reached is told by whoever opens it.
      return null
    } finally {
      await pool.end()
    }
  }

  async #pool(): Promise<Pool> {
    const { default: pg } = await import('pg')
    const { pool: max = String(DEFAULTS.pool) } = this.#url.settings
    if (!/^[1-9]\d{0,3}$/.test(max))
      throw wrongUsage('pool in the postgres URL is no number of connections; give 1 or more')
    if (this.#hints && max === '1')
      throw wrongUsage('hints in the postgres URL may take a connection for good; give a pool of 2 or more')
    try {
      return new pg.Pool({
        connectionString: this.#url.connection,
        max: Number(max),
        connectionTimeoutMillis: PATIENCE,
        application_name: 'sojourn',
      })
    } catch (error) {
      throw wrongUsage(`the settings after '?' in the postgres URL cannot be used (${reasonOf(error)})`)
    }
  }

  /** At the first contact what the server or the network said is what a person needs; it never has a password in it. */
  async #reached<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work()
    } catch (error) {
      if (!isSojournError(error, 'store_unavailable') || error.cause === undefined) throw error
      throw failed(
        error.code,
        `'${this.place}' cannot be used (${reasonOf(error.cause)}); check that it is there and lets this user in`,
      )
    }
  }
}

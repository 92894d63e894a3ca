import { hash } from 'node:crypto'
import type { PostgresClient } from './pool.ts'
import type { Row, Value } from './rows.ts'

/** A statement, and the name under which connections remember it where it has one. */
export interface Statement {
  readonly text: string
  readonly name?: string
}

/**
 * A statement that is worth remembering. Its name ends in what its text hashes to, so that two releases of this
 * library on one pool never mean different statements by one name.
 */
export function statement(name: string, text: string): Statement {
  return { text, name: `sojourn_${name}_${hash('sha256', text, 'hex').slice(0, 8)}` }
}

/** One connection to the server, for as long as a call needs it. */
export class PostgresConnection {
  readonly #client: PostgresClient
  readonly #remembers: boolean

  constructor(client: PostgresClient, remembers: boolean) {
    this.#client = client
    this.#remembers = remembers
  }

  /** The rows that a statement answers. */
  async rows({ text, name }: Statement, ...values: readonly Value[]): Promise<readonly Row[]> {
    const named = name !== undefined && this.#remembers ? { name } : {}
    const { rows } = await this.#client.query({ text, values, rowMode: 'array', ...named })
    return rows as readonly Row[]
  }

  /** The first row that a statement answers, if there is any. */
  async row(wanted: Statement, ...values: readonly Value[]): Promise<Row | undefined> {
    const [row] = await this.rows(wanted, ...values)
    return row
  }

  /** Runs one or more statements that take no values and whose answers nobody needs. */
  async exec(text: string): Promise<void> {
    await this.#client.query({ text })
  }
}

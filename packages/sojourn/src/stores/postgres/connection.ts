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

/** Stands in a statement for the milliseconds that its call may take. */
const DEADLINE = '%DEADLINE%'

/**
 * A condition that is always true. It belongs where a statement that is a transaction of its own locks its first row: from
 * there on the server waits for nobody's lock longer than the call may take, and whom nobody waits for any more writes
 * nothing late. It holds for that transaction and no longer, behind a pooler as well.
 */
export const IS_PATIENT = `(SELECT set_config('lock_timeout', '${DEADLINE}', true)) IS NOT NULL`

/** How statements are made on a connection. */
export interface ConnectionOptions {
  /** Whether the connection remembers them. */
  readonly prepare: boolean
  /** Milliseconds for which they wait for a lock at most. */
  readonly deadline: number
}

/** One connection to the server, for as long as a call needs it. */
export class PostgresConnection {
  readonly #client: PostgresClient
  readonly #options: ConnectionOptions

  constructor(client: PostgresClient, options: ConnectionOptions) {
    this.#client = client
    this.#options = options
  }

  /** The rows that a statement answers. */
  async rows({ text, name }: Statement, ...values: readonly Value[]): Promise<readonly Row[]> {
    const { prepare, deadline } = this.#options
    // The pool may serve another store, whose deadline is another.
    const named = name !== undefined && prepare ? { name: `${name}_${deadline}` } : {}
    const timed = text.replace(DEADLINE, String(deadline))
    const { rows } = await this.#client.query({ text: timed, values, rowMode: 'array', ...named })
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

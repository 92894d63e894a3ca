import { statement } from './connection.ts'
import type { PostgresConnection } from './connection.ts'
import { instantText } from './rows.ts'

/** Who wants a name, and for how long. */
export interface Claimant {
  readonly name: string
  readonly holder: string
  readonly now: number
  readonly until: number
}

const HELD = statement('claim', 'SELECT 1 FROM sojourn_claims WHERE name = $1 FOR NO KEY UPDATE')
const MAKE = statement(
  'make_claim',
  'INSERT INTO sojourn_claims (name, holder, until) VALUES ($1, $2, $3::timestamptz) RETURNING 1',
)
const TAKE = statement(
  'take_claim',
  `UPDATE sojourn_claims SET holder = $2, until = $3::timestamptz
   WHERE name = $1 AND (holder = $2 OR until <= $4::timestamptz) RETURNING 1`,
)

/**
 * Lends a name to whoever has it already, or to anybody while nobody does. To be called in a transaction: who comes second
 * to make the row finds it there, and the whole is done again.
 */
export async function takeClaim(
  connection: PostgresConnection,
  { name, holder, now, until }: Claimant,
): Promise<boolean> {
  const isThere = (await connection.row(HELD, name)) !== undefined
  const row = isThere
    ? await connection.row(TAKE, name, holder, instantText(until), instantText(now))
    : await connection.row(MAKE, name, holder, instantText(until))
  return row !== undefined
}

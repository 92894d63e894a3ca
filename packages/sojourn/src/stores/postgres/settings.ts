import { SojournError } from '../../core/errors.ts'
import type { PostgresConnection } from './connection.ts'

/** A setting as it was read back. */
export type Settings = Readonly<Record<string, string | boolean>>

/** The settings that are read, and what must not be found if every promise is to be kept. */
const UNSAFE = {
  synchronous_commit: ['off', 'then an acknowledged login or logout can be lost with the power'],
  fsync: ['off', 'then a loss of power can destroy the database'],
  full_page_writes: ['off', 'then a loss of power can damage pages that were being written'],
  pg_is_in_recovery: [true, 'and is a replica, which shows ended sessions as standing for a while'],
  transaction_read_only: ['on', 'then no session can begin or end'],
  server_encoding: [/^(?!UTF8$)/, 'and UTF8 is needed, or names are not kept as they are'],
} as const satisfies Record<string, readonly [found: string | boolean | RegExp, consequence: string]>

/** The first release with transaction ids that never wrap, on which the order of the log rests. */
const OLDEST = 13
const PROBE = {
  text: `
    SELECT current_database(), current_setting('server_version'), current_setting('synchronous_commit'),
      current_setting('synchronous_standby_names'), current_setting('fsync'), current_setting('full_page_writes'),
      pg_is_in_recovery(), current_setting('transaction_read_only'), current_setting('server_encoding'),
      current_setting('default_transaction_isolation')`,
}

/** What a connection says of the database it leads to. */
export interface Probe {
  /** What messages call it. */
  readonly place: string
  readonly settings: Settings
}

/** Reads the settings on which promises rest. */
export async function probe(connection: PostgresConnection): Promise<Probe> {
  const row = (await connection.row(PROBE)) as readonly (string | boolean)[]
  const [
    database = '',
    server_version = '',
    synchronous_commit = '',
    synchronous_standby_names = '',
    fsync = '',
    full_page_writes = '',
    pg_is_in_recovery = true,
    transaction_read_only = '',
    server_encoding = '',
    default_transaction_isolation = '',
  ] = row
  return {
    place: `database '${String(database)}'`,
    settings: {
      server_version,
      synchronous_commit,
      synchronous_standby_names,
      fsync,
      full_page_writes,
      pg_is_in_recovery,
      transaction_read_only,
      server_encoding,
      default_transaction_isolation,
    },
  }
}

/** The names of the settings that break a promise. */
export function unsafeSettings(settings: Settings): readonly string[] {
  return Object.entries(UNSAFE)
    .filter(([name, [bad]]) => (bad instanceof RegExp ? bad.test(String(settings[name])) : settings[name] === bad))
    .map(([name]) => name)
}

/** Throws `unsafe_settings` for the first setting that is unsafe and was not allowed by name. */
export function assertSafe({ place, settings }: Probe, allowed: readonly string[]): void {
  if (Number.parseInt(String(settings['server_version']), 10) < OLDEST) {
    throw new SojournError(
      'unsafe_settings',
      `${place} runs PostgreSQL ${String(settings['server_version'])}; use ${OLDEST} or newer`,
    )
  }
  const name = unsafeSettings(settings).find((each) => !allowed.includes(each))
  if (name === undefined) return
  const [, consequence] = UNSAFE[name as keyof typeof UNSAFE]
  throw new SojournError(
    'unsafe_settings',
    `${place} has ${name} ${String(settings[name])}, ${consequence}; change it, or allow it by name in allowUnsafe`,
  )
}

import { userInfo } from 'node:os'
import type { Readable } from 'node:stream'
import type { NamedDatabase } from './engines/engine.ts'
import type { ExitCode } from './failure.ts'
import type { Output } from './output/output.ts'

/** What a person types into: a terminal, or a stream that was redirected. */
export type InputStream = Readable & { readonly isTTY?: boolean; setRawMode?(isRaw: boolean): unknown }

/** What every command works with: who talks to it, whom it answers, and which database was named. */
export interface Cli {
  readonly input: InputStream
  readonly output: Output
  readonly env: NodeJS.ProcessEnv
  /** The database as it was named: `--database`, else `$SOJOURN_DATABASE_URL`, else a file in the current folder. */
  database: NamedDatabase
  /** With sessions in Redis, the database of their users: `--users`, else `$SOJOURN_USERS_URL`, else none. */
  users: NamedDatabase | null
  /** What the program exits with when nothing is thrown. */
  exitCode: ExitCode
}

/** The name under which this program's deeds stand in the history, as in `cli:grace`. */
export function operator(): string {
  return `cli:${accountName()}`.slice(0, 255)
}

function accountName(): string {
  try {
    return userInfo().username
  } catch {
    // A container often runs under a number that no account has.
    return `uid ${String(process.getuid?.() ?? 'unknown')}`
  }
}

import { existsSync, rmSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import { patience } from '../../core/duration.ts'
import type { Duration } from '../../core/duration.ts'
import { SojournError } from '../../core/errors.ts'
import { checksumOf, pendingSteps } from '../migrate.ts'
import type { AppliedStep, MigrationResult, MigrationStatus, MigrationStep } from '../migrate.ts'
import { withRoom } from './ballast.ts'
import { SqliteConnection } from './connection.ts'
import { RESULT, meaningOf, resultCode } from './errors.ts'
import { IN_MEMORY, assertPath, companionPath } from './files.ts'
import type { Row } from './rows.ts'
import { SQLITE_STEPS } from './schema.ts'

const LEDGER = `CREATE TABLE sojourn_migrations (
  version INTEGER PRIMARY KEY NOT NULL,
  name TEXT NOT NULL,
  applied_at INTEGER NOT NULL,
  checksum TEXT NOT NULL
) STRICT;
`
const HAS_LEDGER = "SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = 'sojourn_migrations'"
const APPLIED = 'SELECT version, name, applied_at, checksum FROM sojourn_migrations ORDER BY version'

/** How a database is opened for migrating. Anything left out has the default. */
export interface SqliteMigrationsOptions {
  /** How long to wait for another program's lock. Default 5 s, at most 24 d. */
  readonly busyTimeout?: Duration | undefined
  /** Refuse to make a file that is not there. Default false. */
  readonly mustExist?: boolean | undefined
}

/** Our tables in one database: what is applied, what is to come, and the way there and back. */
export interface SqliteMigrations {
  /** Where the database stands. Changes nothing, and makes no file. */
  status(): MigrationStatus
  /** Applies the pending steps, each in a transaction. Answers with those that this call applied. */
  up(): MigrationResult
  /** Takes every step back, each in a transaction: everything of ours goes, sessions and users included, and nothing else. */
  down(): MigrationResult
  /** The SQL of the pending steps. Running it by hand is as good as `up`. Changes nothing. */
  print(): string
  /** Lets go of the database. Calling it again does nothing. */
  close(): void
}

/** Opens a database for migrating by hand; nothing is applied before `up` is called. */
export function sqliteMigrations(path: string, options: SqliteMigrationsOptions = {}): SqliteMigrations {
  assertPath(path)
  const busyTimeout = patience(options.busyTimeout ?? '5s', 'busyTimeout')
  const mustExist = options.mustExist === true
  let connection: SqliteConnection | null = null
  const connect = (makesFile: boolean): SqliteConnection =>
    (connection ??= new SqliteConnection(path, { busyTimeout, mustExist: mustExist || !makesFile, allowUnsafe: [] }))
  const status = (): MigrationStatus =>
    connection === null ? readStatus(path, busyTimeout) : connectedStatus(connection, SQLITE_STEPS)
  return {
    status,
    up: () => migrateUp(connect(true)),
    down() {
      const result = migrateDown(connect(false))
      if (path !== IN_MEMORY) removeCompanions(path)
      return result
    },
    print() {
      const pending = new Set(status().pending.map(({ version }) => version))
      return SQLITE_STEPS.filter(({ version }) => pending.has(version))
        .map((step) => `BEGIN IMMEDIATE;\n${scriptUp(step)}COMMIT;\n`)
        .join('\n')
    },
    close: () => connection?.close(),
  }
}

/** Looks at a database in which nothing is to be changed, not even how it keeps its journal. */
export function readStatus(path: string, busyTimeout: number): MigrationStatus {
  if (path === IN_MEMORY || !existsSync(path)) return statusOf(() => [], SQLITE_STEPS, path)
  try {
    return withRoom(path, () => {
      using database = new DatabaseSync(path, { timeout: busyTimeout })
      return statusOf((sql) => rowsOf(database, sql), SQLITE_STEPS, path)
    })
  } catch (error) {
    throw meaningOf(error, path)
  }
}

/** Applies what is pending. A process that does the same at the same time does no harm: each looks again inside the transaction. */
export function migrateUp(
  connection: SqliteConnection,
  steps: readonly MigrationStep[] = SQLITE_STEPS,
): MigrationResult {
  const next = (): MigrationStep | undefined => {
    const { pending } = connectedStatus(connection, steps)
    return steps.find(({ version }) => version === pending[0]?.version)
  }
  return oneByOne(connection, next, scriptUp)
}

/** Takes back every step, newest first. */
export function migrateDown(
  connection: SqliteConnection,
  steps: readonly MigrationStep[] = SQLITE_STEPS,
): MigrationResult {
  const last = (): MigrationStep | undefined => {
    const { applied } = connectedStatus(connection, steps)
    return steps.find(({ version }) => version === applied.at(-1)?.version)
  }
  return oneByOne(connection, last, scriptDown)
}

function oneByOne(
  connection: SqliteConnection,
  choose: () => MigrationStep | undefined,
  script: (step: MigrationStep) => string,
): MigrationResult {
  const steps: Pick<MigrationStep, 'version' | 'name'>[] = []
  try {
    // Looking first without a transaction: who has nothing to do waits for nobody's lock.
    while (choose() !== undefined) {
      connection.transaction(() => {
        const step = choose()
        if (step === undefined) return
        connection.exec(script(step))
        steps.push({ version: step.version, name: step.name })
      })
    }
    return { steps }
  } catch (error) {
    if (resultCode(error) !== RESULT.error) throw connection.failure(error)
    throw new SojournError(
      'schema_changed',
      `database '${connection.path}' has tables beginning with sojourn_ that are not as this release made them; ` +
        'rename or remove them, or restore a backup',
      { cause: error },
    )
  }
}

function scriptUp(step: MigrationStep): string {
  const { version, name, up } = step
  const ledger = version === 1 ? LEDGER : ''
  return `${ledger}${up.trim()}
INSERT INTO sojourn_migrations (version, name, applied_at, checksum)
VALUES (${version}, '${name}', CAST(unixepoch('subsec') * 1000 AS INTEGER), '${checksumOf(step)}');
`
}

function scriptDown({ version, down }: MigrationStep): string {
  return version === 1
    ? `${down.trim()}\nDROP TABLE sojourn_migrations;\n`
    : `${down.trim()}\nDELETE FROM sojourn_migrations WHERE version = ${version};\n`
}

function connectedStatus(connection: SqliteConnection, steps: readonly MigrationStep[]): MigrationStatus {
  return statusOf((sql) => connection.rows(sql), steps, connection.path)
}

type Rows = (sql: string) => readonly Row[]

function statusOf(rows: Rows, steps: readonly MigrationStep[], path: string): MigrationStatus {
  const applied = rows(HAS_LEDGER).length === 0 ? [] : rows(APPLIED).map(decodeStep)
  const pending = pendingSteps(steps, applied, `database '${path}'`)
  return { applied, pending: pending.map(({ version, name }) => ({ version, name })) }
}

function decodeStep(row: Row): AppliedStep {
  const [version, name, appliedAt, checksum] = row as readonly [number, string, number, string]
  return { version, name, appliedAt, checksum }
}

function rowsOf(database: DatabaseSync, sql: string): readonly Row[] {
  const statement = database.prepare(sql)
  statement.setReturnArrays(true)
  return statement.all() as unknown as readonly Row[]
}

function removeCompanions(path: string): void {
  for (const suffix of ['-ballast', '-key'] as const) rmSync(companionPath(path, suffix), { force: true })
}

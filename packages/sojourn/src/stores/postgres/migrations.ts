import { SojournError } from '../../core/errors.ts'
import { patience } from '../../core/duration.ts'
import type { Duration } from '../../core/duration.ts'
import { checksumOf, pendingSteps } from '../migrate.ts'
import type { AppliedStep, MigrationResult, MigrationStatus, MigrationStep } from '../migrate.ts'
import type { PostgresConnection } from './connection.ts'
import { PostgresEngine } from './engine.ts'
import { STATE, stateOf } from './errors.ts'
import type { PostgresPool } from './pool.ts'
import { asMilliseconds } from './rows.ts'
import type { Row } from './rows.ts'
import { POSTGRES_STEPS } from './schema.ts'

/** By this number those who migrate one database at the same time find each other. Drawn at random, and never changed. */
const TURN = 'SELECT pg_advisory_xact_lock(4701329186)'
/** A step that cannot have its locks soon gives up, before everybody queues behind it. */
const IMPATIENCE = "SET LOCAL lock_timeout = '5s'"
const LEDGER = `CREATE TABLE sojourn_migrations (
  version bigint PRIMARY KEY,
  name text NOT NULL,
  applied_at timestamptz NOT NULL,
  checksum text NOT NULL
);
`
/** Asked of the catalogue itself: what a connection remembers of names may be older than the lock it has waited for. */
const HAS_LEDGER = {
  text: `
    SELECT EXISTS (
      SELECT FROM pg_catalog.pg_class
      WHERE relname = 'sojourn_migrations' AND pg_catalog.pg_table_is_visible(oid))`,
}
const APPLIED = {
  text: `SELECT version, name, ${asMilliseconds('applied_at')}, checksum FROM sojourn_migrations ORDER BY version`,
}

/** How a database is reached for migrating. Anything left out has the default. */
export interface PostgresMigrationsOptions {
  /** How long a step may take before it is given up and undone. Default 10 min, at most 24 d. */
  readonly deadline?: Duration | undefined
}

/** Our tables in one database: what is applied, what is to come, and the way there and back. */
export interface PostgresMigrations {
  /** Where the database stands. Changes nothing. */
  status(): Promise<MigrationStatus>
  /** Applies the pending steps, each in a transaction, one node at a time. Answers with those that this call applied. */
  up(): Promise<MigrationResult>
  /** Takes every step back, each in a transaction: everything of ours goes, sessions and users included, and nothing else. */
  down(): Promise<MigrationResult>
  /** The SQL of the pending steps. Running it by hand is as good as `up`. Changes nothing. */
  print(): Promise<string>
  /** Lets go of the pool, which stays the caller's. Calling it again does nothing. */
  close(): Promise<void>
}

/** Takes a pool for migrating by hand; nothing is applied before `up` is called. */
export function postgresMigrations(pool: PostgresPool, options: PostgresMigrationsOptions = {}): PostgresMigrations {
  const engine = migrationEngine(pool, patience(options.deadline ?? '10m', 'deadline'))
  return {
    status: () => engine.read((connection) => statusOf(connection, engine.place)),
    up: () => migrateUp(engine),
    down: () => migrateDown(engine),
    async print() {
      const { pending } = await engine.read((connection) => statusOf(connection, engine.place))
      return POSTGRES_STEPS.filter(({ version }) => pending.some((step) => step.version === version))
        .map((step) => `BEGIN;\n${TURN};\n${IMPATIENCE};\n${scriptUp(step)}COMMIT;\n`)
        .join('\n')
    },
    close: () => engine.close(),
  }
}

/** An engine for migrating: tables are made as well where the settings break a promise, which opening the store tells. */
export function migrationEngine(pool: PostgresPool, deadline: number): PostgresEngine {
  const allowUnsafe = ['synchronous_commit', 'fsync', 'full_page_writes', 'pg_is_in_recovery', 'transaction_read_only']
  return new PostgresEngine(pool, { deadline, prepare: false, allowUnsafe, endsPool: false })
}

/** Applies what is pending. Nodes that do the same at the same time wait for each other and look again. */
export function migrateUp(
  engine: PostgresEngine,
  steps: readonly MigrationStep[] = POSTGRES_STEPS,
): Promise<MigrationResult> {
  const next = ({ pending }: MigrationStatus): MigrationStep | undefined =>
    steps.find(({ version }) => version === pending[0]?.version)
  return oneByOne(engine, steps, next, scriptUp)
}

/** Takes back every step, newest first. */
export function migrateDown(
  engine: PostgresEngine,
  steps: readonly MigrationStep[] = POSTGRES_STEPS,
): Promise<MigrationResult> {
  const last = ({ applied }: MigrationStatus): MigrationStep | undefined =>
    steps.find(({ version }) => version === applied.at(-1)?.version)
  return oneByOne(engine, steps, last, scriptDown)
}

/** Where a database stands. */
export async function statusOf(
  connection: PostgresConnection,
  place: string,
  steps: readonly MigrationStep[] = POSTGRES_STEPS,
): Promise<MigrationStatus> {
  const [hasLedger] = (await connection.row(HAS_LEDGER)) ?? []
  const applied = hasLedger === true ? (await connection.rows(APPLIED)).map(decodeStep) : []
  const pending = pendingSteps(steps, applied, place)
  return { applied, pending: pending.map(({ version, name }) => ({ version, name })) }
}

async function oneByOne(
  engine: PostgresEngine,
  steps: readonly MigrationStep[],
  choose: (status: MigrationStatus) => MigrationStep | undefined,
  script: (step: MigrationStep) => string,
): Promise<MigrationResult> {
  const done: Pick<MigrationStep, 'version' | 'name'>[] = []
  const look = async (connection: PostgresConnection): Promise<MigrationStep | undefined> =>
    choose(await statusOf(connection, engine.place, steps))
  // Looking first without a transaction: who has nothing to do waits for nobody's lock.
  while ((await engine.read(look)) !== undefined) {
    const step = await engine.transact(async (connection) => {
      await connection.exec(`${TURN}; ${IMPATIENCE}`)
      const chosen = await look(connection)
      if (chosen !== undefined) await apply(connection, script(chosen), engine.place)
      return chosen
    })
    if (step !== undefined) done.push({ version: step.version, name: step.name })
  }
  return { steps: done }
}

async function apply(connection: PostgresConnection, sql: string, place: string): Promise<void> {
  try {
    await connection.exec(sql)
  } catch (error) {
    if (stateOf(error) !== STATE.duplicateTable) throw error
    throw new SojournError(
      'schema_changed',
      `${place} has tables beginning with sojourn_ that are not as this release made them; ` +
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
VALUES (${version}, '${name}', clock_timestamp(), '${checksumOf(step)}');
`
}

function scriptDown({ version, down }: MigrationStep): string {
  return version === 1
    ? `${down.trim()}\nDROP TABLE sojourn_migrations;\n`
    : `${down.trim()}\nDELETE FROM sojourn_migrations WHERE version = ${version};\n`
}

function decodeStep([version, name, appliedAt, checksum]: Row): AppliedStep {
  return {
    version: Number(version),
    name: name as string,
    appliedAt: Number(appliedAt),
    checksum: checksum as string,
  }
}

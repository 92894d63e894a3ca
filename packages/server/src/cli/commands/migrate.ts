import type { MigrationResult, MigrationStatus } from 'sojourn/sqlite'
import type { Cli } from '../cli.ts'
import { Command } from '../command.ts'
import type { Engine, EngineMigrations } from '../engines/engine.ts'
import { namedEngine } from '../engines/named.ts'
import { wrongUsage } from '../failure.ts'
import type { Output } from '../output/output.ts'
import { counted, instant, visible } from '../output/text.ts'
import { confirm } from '../secret.ts'

interface MigrateFlags {
  readonly status?: true
  readonly print?: true
  readonly rollback?: true
  readonly yes?: true
}

/** `sojourn migrate`: makes, upgrades, shows and takes away our tables. */
export function migrateCommand(cli: Cli): Command {
  return new Command('migrate')
    .summary('makes or upgrades the tables of sojourn')
    .description('makes or upgrades the tables of sojourn in the database; other tables are left alone')
    .option('--status', 'say which steps are applied and which are to come; changes nothing')
    .option('--print', 'print the SQL of the steps to come; changes nothing')
    .option('--rollback', 'take all steps back; sessions, users and history are deleted')
    .option('--yes', 'with --rollback: do not ask first')
    .example('sojourn migrate', 'makes ./sojourn.db, or brings it up to date')
    .example('sojourn --database sqlite:./app.db migrate --print', 'what would run in the database of an application')
    .example('sojourn migrate --rollback', 'as if sojourn had never been there')
    .action(async (flags: MigrateFlags) => {
      if ([flags.status, flags.print, flags.rollback].filter((flag) => flag === true).length > 1) {
        throw wrongUsage('--status, --print and --rollback are three different things; give one of them')
      }
      const engine = namedEngine(cli)
      if (flags.rollback === true) engine.assertThere()
      await withMigrations(cli, engine, async (migrations) => {
        if (flags.status === true) await showStatus(cli, migrations)
        else if (flags.print === true) await printSql(cli, migrations)
        else if (flags.rollback === true) await rollBack(cli, migrations, flags.yes === true)
        else await migrate(cli, migrations)
      })
    })
}

async function migrate(cli: Cli, migrations: EngineMigrations): Promise<void> {
  const path = migrations.place
  const { steps } = await migrations.up()
  const { applied } = await migrations.status()
  await cli.output.result({ path, steps, version: applied.length }, () =>
    steps.length === 0
      ? `${visible(path)} is up to date, at version ${applied.length}`
      : `${visible(path)} is ready, at version ${applied.length}: applied ${named(steps)}`,
  )
}

async function rollBack(cli: Cli, migrations: EngineMigrations, isAgreed: boolean): Promise<void> {
  const path = migrations.place
  const { applied } = await migrations.status()
  if (applied.length > 0) {
    await confirm(cli, `delete all sessions, users and history of sojourn in ${visible(path)}`, isAgreed)
  }
  const { steps } = applied.length > 0 ? await migrations.down() : { steps: [] }
  await cli.output.result({ path, steps, version: 0 }, () =>
    steps.length === 0
      ? `${visible(path)} has no tables of sojourn; nothing was changed`
      : `took back ${named(steps)}; ${visible(path)} has no tables of sojourn any more`,
  )
}

async function showStatus(cli: Cli, migrations: EngineMigrations): Promise<void> {
  const path = migrations.place
  const { applied, pending, exists } = await migrations.status()
  const value = {
    path,
    exists,
    applied: applied.map((step) => ({ ...step, appliedAt: new Date(step.appliedAt).toISOString() })),
    pending,
  }
  await cli.output.result(value, () => statusText(cli.output, path, exists, { applied, pending }))
}

async function printSql(cli: Cli, migrations: EngineMigrations): Promise<void> {
  const { pending } = await migrations.status()
  const sql = await migrations.print()
  await cli.output.result({ path: migrations.place, pending, sql }, () =>
    pending.length === 0 ? '-- nothing is to come' : sql.trimEnd(),
  )
}

function statusText(output: Output, path: string, exists: boolean, { applied, pending }: MigrationStatus): string {
  const rows = [
    ...applied.map(({ version, name, appliedAt }) => [String(version), name, instant(new Date(appliedAt))]),
    ...pending.map(({ version, name }) => [String(version), name, 'to come']),
  ]
  const table = output.table(
    [
      { title: 'STEP', rank: 1, align: 'right' },
      { title: 'WHAT', rank: 3, least: 8 },
      { title: 'APPLIED', rank: 2 },
    ],
    rows,
  )
  const advice =
    pending.length === 0 ? 'up to date' : `${counted(pending.length, 'step')} to come; run 'sojourn migrate'`
  return `${visible(path)}${exists ? '' : ' (not there yet)'}\n${table}\n${advice}`
}

async function withMigrations(
  cli: Cli,
  engine: Engine,
  work: (migrations: EngineMigrations) => Promise<void>,
): Promise<void> {
  const migrations = await engine.migrations()
  try {
    if (migrations.remark !== null) cli.output.note(migrations.remark)
    await work(migrations)
  } finally {
    await migrations.close()
  }
}

/** As in `step 1 (sessions), step 2 (users)`. */
function named(steps: MigrationResult['steps']): string {
  return steps.map(({ version, name }) => `step ${version} (${name})`).join(', ')
}

import { statSync } from 'node:fs'
import { formatDuration, isSojournError } from 'sojourn'
import type { Guarantees } from 'sojourn'
import type { Cli } from '../cli.ts'
import { Command } from '../command.ts'
import { assertThere, openDatabase } from '../database.ts'
import type { Database } from '../database.ts'
import { IN_MEMORY, databasePath } from '../database-url.ts'
import { fieldLines } from '../output/fields.ts'
import type { Field } from '../output/fields.ts'
import type { Output } from '../output/output.ts'
import { counted, figure, visible, wrap } from '../output/text.ts'
import { VERSION } from '../../service/version.ts'

/** How far the latest entry may be ahead of this host's clock before one of the two is wrong, in milliseconds. */
const CLOCK_TOLERANCE = 5_000

/** One thing that was looked at. A `problem` must be fixed; `advice` should be thought about. */
interface Finding {
  readonly check: 'schema' | 'settings' | 'clock' | 'upkeep'
  readonly state: 'ok' | 'advice' | 'problem'
  readonly found: string
  /** What to do; null when all is well. */
  readonly advice: string | null
}

interface Report {
  readonly ok: boolean
  readonly versions: { readonly sojourn: string; readonly node: string; readonly sqlite: string }
  readonly database: { readonly path: string; readonly source: string; readonly bytes: number }
  readonly schema: { readonly applied: number; readonly pending: number } | null
  readonly guarantees: Guarantees | null
  readonly clock: { readonly host: string; readonly latest: string | null } | null
  readonly overdue: { readonly ended: number; readonly pruned: number } | null
  readonly findings: readonly Finding[]
}

/** `sojourn doctor`: whether this database keeps what is promised, and what to do if not. */
export function doctorCommand(cli: Cli): Command {
  return new Command('doctor')
    .summary('whether what is promised holds, and what to fix')
    .description(
      'looks at settings, guarantees, schema, clock and upkeep, and says what to fix; exits 1 if something must be',
    )
    .example('sojourn doctor', 'what is promised, and whether it holds')
    .example('sojourn doctor --json | jq \'.findings[] | select(.state != "ok")\'', 'only what is to do')
    .action(async () => {
      const report = await examine(cli)
      if (!report.ok) cli.exitCode = 1
      await cli.output.result(report, () => reportText(cli.output, report))
    })
}

async function examine(cli: Cli): Promise<Report> {
  const path = databasePath(cli.database.url)
  if (path !== IN_MEMORY) assertThere(cli, path)
  const facts = {
    versions: { sojourn: VERSION, node: process.versions.node, sqlite: process.versions['sqlite'] ?? 'unknown' },
    database: { path, source: cli.database.source, bytes: path === IN_MEMORY ? 0 : statSync(path).size },
  }
  try {
    await using database = await openDatabase(cli)
    return { ...facts, ...(await examineOpen(database)) }
  } catch (error) {
    if (!isSojournError(error)) throw error
    const check = error.code.startsWith('schema_') ? 'schema' : 'settings'
    const findings = [problem(check, error.message)]
    return { ok: false, ...facts, schema: null, guarantees: null, clock: null, overdue: null, findings }
  }
}

async function examineOpen(database: Database): Promise<Omit<Report, 'versions' | 'database'>> {
  const { sqliteMigrations } = await import('sojourn/sqlite')
  const { applied, pending } = sqliteMigrations(database.path).status()
  const schema = { applied: applied.length, pending: pending.length }
  const guarantees = await database.sessions.guarantees()
  const host = Date.now()
  const latest = await database.store.latestInstant()
  const overdue = await database.sessions.cleanup({ dryRun: true })
  const findings = [
    ok('schema', `version ${applied.length}, which is the newest this release knows`),
    ...settingFindings(guarantees),
    clockFinding(host, latest),
    upkeepFinding(overdue),
  ]
  return {
    ok: findings.every(({ state }) => state !== 'problem'),
    schema,
    guarantees,
    clock: { host: new Date(host).toISOString(), latest: latest === 0 ? null : new Date(latest).toISOString() },
    overdue,
    findings,
  }
}

function settingFindings({ warnings, settings, survivesPowerLoss }: Guarantees): readonly Finding[] {
  const findings = warnings.map((warning) => problem('settings', warning))
  if (settings['ballast'] === false) {
    findings.push({
      check: 'settings',
      state: 'advice',
      found: 'no space is held back for logouts on a full disk',
      advice: 'free some space on the disk; it is taken the next time the database is opened',
    })
  }
  if (findings.length > 0) return findings
  return [ok('settings', survivesPowerLoss ? 'what is acknowledged survives the loss of power' : 'as asked for')]
}

function clockFinding(host: number, latest: number): Finding {
  const ahead = latest - host
  if (ahead <= CLOCK_TOLERANCE) return ok('clock', `this host's clock is not behind what was recorded`)
  return {
    check: 'clock',
    state: 'problem',
    found: `the latest entry is ${formatDuration(Math.round(ahead / 1_000) * 1_000)} ahead of this host's clock`,
    advice:
      'set the clock of this host, or of the one that wrote the entry; until then sessions here go by the later of the two',
  }
}

function upkeepFinding({ ended, pruned }: { readonly ended: number; readonly pruned: number }): Finding {
  if (ended + pruned === 0) return ok('upkeep', 'nothing is waiting for a cleanup')
  return {
    check: 'upkeep',
    state: 'advice',
    found: `${counted(ended, 'session')} overdue and ${counted(pruned, 'record')} past retention`,
    advice: "run 'sojourn cleanup', best once a day; nobody is signed in longer for it",
  }
}

/** From a sentence of the library: what was found, then what to do. */
function problem(check: Finding['check'], sentence: string): Finding {
  const [found = sentence, ...advice] = sentence.split('; ')
  return { check, state: 'problem', found, advice: advice.join('; ') || null }
}

function ok(check: Finding['check'], found: string): Finding {
  return { check, state: 'ok', found, advice: null }
}

function reportText(output: Output, report: Report): string {
  const { versions, database, guarantees, clock } = report
  const promises: readonly Field[] =
    guarantees === null
      ? []
      : [
          ['engine', guarantees.engine],
          [
            'a killed process',
            guarantees.survivesProcessKill ? 'loses nothing that was acknowledged' : 'loses everything',
          ],
          [
            'loss of power',
            guarantees.survivesPowerLoss ? 'loses nothing that was acknowledged' : 'may lose what was acknowledged',
          ],
          [
            'an end is known',
            guarantees.revocationBound === 0
              ? 'at once, in every process'
              : `after ${formatDuration(guarantees.revocationBound)} at most`,
          ],
          [
            'settings',
            Object.entries(guarantees.settings)
              .map(([name, value]) => `${name}=${String(value)}`)
              .join(' '),
          ],
        ]
  const facts = fieldLines(output, [
    ['sojourn', versions.sojourn],
    ['node', `${versions.node} with sqlite ${versions.sqlite}`],
    ['database', `${visible(database.path)} (from ${database.source}, ${figure(database.bytes)} bytes)`],
    ['sessions last', 'as recorded with each of them by the application'],
    ...promises,
    ['clock', clock?.host ?? null],
    ['latest entry', clock?.latest ?? null],
  ])
  const findings = report.findings.map((finding) => findingText(output, finding)).join('\n')
  return `${output.style('title', 'What is promised')}\n${facts}\n\n${output.style('title', 'What was found')}\n${findings}`
}

const SIGNS = { ok: ['good', '✓'], advice: ['warning', '!'], problem: ['bad', '✗'] } as const

function findingText(output: Output, { state, found, advice }: Finding): string {
  const [emphasis, sign] = SIGNS[state]
  const room = Math.max(20, (output.width ?? 200) - 4)
  const [first = '', ...rest] = wrap(visible(found), room)
  const more = advice === null ? [] : wrap(`what to do: ${visible(advice)}`, room)
  return [`  ${output.style(emphasis, sign)} ${first}`, ...[...rest, ...more].map((line) => `    ${line}`)].join('\n')
}

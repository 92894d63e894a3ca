import { formatDuration, isSojournError } from 'sojourn'
import type { Duration, Guarantees } from 'sojourn'
import type { Cli } from '../cli.ts'
import { Command } from '../command.ts'
import { openDatabase } from '../database.ts'
import type { Database } from '../database.ts'
import type { Engine } from '../engines/engine.ts'
import { namedEngine } from '../engines/named.ts'
import { schemaStateOf } from '../engines/schema-state.ts'
import { Failure, wrongUsage } from '../failure.ts'
import { measureLag } from '../revocation-lag.ts'
import type { MeasuredLag } from '../revocation-lag.ts'
import { fieldLines } from '../output/fields.ts'
import type { Field } from '../output/fields.ts'
import type { Output } from '../output/output.ts'
import { counted, figure, visible, wrap } from '../output/text.ts'
import type { SchemaState } from '../../service/service.ts'
import { VERSION } from '../../service/version.ts'

/** How far the latest entry may be ahead of this host's clock before one of the two is wrong, in milliseconds. */
const CLOCK_TOLERANCE = 5_000

/** One thing that was looked at. A `problem` must be fixed; `advice` should be thought about. */
interface Finding {
  readonly check: 'schema' | 'settings' | 'clock' | 'upkeep' | 'renewal' | 'revocation'
  readonly state: 'ok' | 'advice' | 'problem'
  readonly found: string
  /** What to do; null when all is well. */
  readonly advice: string | null
}

interface Report {
  readonly ok: boolean
  readonly versions: { readonly sojourn: string; readonly node: string; readonly sqlite: string }
  readonly database: { readonly path: string; readonly source: string; readonly bytes: number | null }
  readonly schema: SchemaState | null
  readonly guarantees: Guarantees | null
  /** `engine`: the clock of the engine where it has its own, by which sessions are judged then. */
  readonly clock: { readonly host: string; readonly engine: string | null; readonly latest: string | null } | null
  readonly overdue: { readonly ended: number; readonly pruned: number } | null
  /** Only with --measure. */
  readonly measured: MeasuredLag | null
  readonly findings: readonly Finding[]
}

interface DoctorFlags {
  readonly measure?: true
  readonly lease?: string
}

/** `sojourn doctor`: whether this database keeps what is promised, and what to do if not. */
export function doctorCommand(cli: Cli): Command {
  return new Command('doctor')
    .summary('whether what is promised holds, and what to fix')
    .description(
      'looks at settings, guarantees, schema, clock and upkeep, and says what to fix; exits 1 if something must be',
    )
    .option('--measure', 'sign a made-up user in, end that session, and see how soon another process refuses it')
    .option('--lease <duration>', 'with --measure: as if the service ran with this lease')
    .example('sojourn doctor', 'what is promised, and whether it holds')
    .example('sojourn doctor --json | jq \'.findings[] | select(.state != "ok")\'', 'only what is to do')
    .action(async (flags: DoctorFlags) => {
      if (flags.lease !== undefined && flags.measure !== true) throw wrongUsage('--lease is for --measure; give both')
      const report = await examine(cli, flags)
      if (!report.ok) cli.exitCode = 1
      await cli.output.result(report, () => reportText(cli.output, report))
    })
}

async function examine(cli: Cli, { measure, lease }: DoctorFlags): Promise<Report> {
  const engine = namedEngine(cli)
  engine.assertThere()
  const facts = {
    versions: { sojourn: VERSION, node: process.versions.node, sqlite: process.versions['sqlite'] ?? 'unknown' },
    database: { path: engine.place, source: cli.database.source, bytes: await engine.bytes() },
  }
  try {
    const report = { ...facts, ...(await examineOpen(cli, engine)) }
    return measure === true && report.ok ? await withLag(report, engine, lease ?? null) : report
  } catch (error) {
    const isFound = isSojournError(error) || (error instanceof Failure && error.code === 'store_unavailable')
    if (!isFound) throw error
    const check = error.code.startsWith('schema_') ? 'schema' : 'settings'
    const findings = [problem(check, error.message)]
    return { ok: false, ...facts, schema: null, guarantees: null, clock: null, overdue: null, measured: null, findings }
  }
}

async function examineOpen(cli: Cli, engine: Engine): Promise<Omit<Report, 'versions' | 'database'>> {
  await using database = await openDatabase(cli)
  const schema = await schemaStateOf(engine)
  const guarantees = await database.sessions.guarantees()
  const { host, own } = await clocks(database)
  const latest = await database.store.latestInstant()
  const overdue = await database.sessions.cleanup({ dryRun: true })
  const findings = [
    ok('schema', `version ${schema.applied}, which is the newest this release knows`),
    ...settingFindings(engine, guarantees),
    ...(own === null ? [clockFinding(host, latest)] : engineClockFindings(host, own, latest)),
    ...(engine.kind === 'sqlite' ? [] : renewalFindings(cli.env)),
    upkeepFinding(overdue),
  ]
  return {
    ok: findings.every(({ state }) => state !== 'problem'),
    schema,
    guarantees,
    clock: { host: iso(host), engine: own === null ? null : iso(own), latest: latest === 0 ? null : iso(latest) },
    overdue,
    measured: null,
    findings,
  }
}

/** The clock of this host, halfway between asking the engine and its answer. */
async function clocks({ store }: Database): Promise<{ readonly host: number; readonly own: number | null }> {
  const before = Date.now()
  const own = (await store.now?.()) ?? null
  return { host: Math.round((before + Date.now()) / 2), own }
}

async function withLag(report: Report, engine: Engine, lease: Duration | null): Promise<Report> {
  const measured = await measureLag(engine, lease)
  const { milliseconds, bound } = measured
  const finding: Finding =
    milliseconds === null
      ? problem('revocation', `another process still let an ended session in after ${formatDuration(bound)}, the bound`)
      : ok('revocation', `another process refused an ended session after ${milliseconds} ms`)
  return { ...report, ok: finding.state === 'ok', measured, findings: [...report.findings, finding] }
}

function iso(instant: number): string {
  return new Date(instant).toISOString()
}

function settingFindings(engine: Engine, guarantees: Guarantees): readonly Finding[] {
  const { warnings, settings, survivesProcessKill, survivesPowerLoss } = guarantees
  // What Redis does not promise is as it is meant to be there, and a choice; only to lose everything is none.
  const state = engine.kind === 'redis' && survivesProcessKill ? 'advice' : 'problem'
  const findings = warnings.map((warning): Finding => ({ ...problem('settings', warning), state }))
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

/** Sessions go by the engine's clock, so that of this host decides nothing about them. */
function engineClockFindings(host: number, own: number, latest: number): readonly Finding[] {
  const findings: Finding[] = []
  if (latest - own > CLOCK_TOLERANCE) {
    const ahead = formatDuration(Math.round((latest - own) / 1_000) * 1_000)
    findings.push(
      problem('clock', `the latest entry is ${ahead} ahead of the engine's clock; set the clock of its machine`),
    )
  }
  const difference = Math.abs(host - own)
  if (difference > CLOCK_TOLERANCE) {
    const span = formatDuration(Math.round(difference / 1_000) * 1_000)
    findings.push({
      check: 'clock',
      state: 'advice',
      found: `this host's clock is ${span} ${host > own ? 'ahead of' : 'behind'} the engine's, by which sessions are judged`,
      advice: 'set the clock of the one that is wrong; the log of the service goes by this one',
    })
  }
  return findings.length > 0 ? findings : [ok('clock', "this host's clock agrees with the engine's")]
}

/** From the variables that the service would be given here; what is in its file of settings is not known. */
function renewalFindings({ SOJOURN_RENEW_EVERY, SOJOURN_RENEWAL_KEY }: NodeJS.ProcessEnv): readonly Finding[] {
  if (!SOJOURN_RENEW_EVERY || SOJOURN_RENEWAL_KEY) return []
  return [
    {
      check: 'renewal',
      state: 'advice',
      found:
        '$SOJOURN_RENEW_EVERY is set without $SOJOURN_RENEWAL_KEY, so each node finishes only the renewals that it began',
      advice: 'give all nodes the same 32 random bytes',
    },
  ]
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
    ['database', `${visible(database.path)} (from ${database.source}${sizeText(database.bytes)})`],
    ['sessions last', 'as recorded with each of them by the application'],
    ...promises,
    ['clock', clock?.host ?? null],
    ["the engine's clock", clock?.engine ?? null],
    ['latest entry', clock?.latest ?? null],
  ])
  const findings = report.findings.map((finding) => findingText(output, finding)).join('\n')
  return `${output.style('title', 'What is promised')}\n${facts}\n\n${output.style('title', 'What was found')}\n${findings}`
}

function sizeText(bytes: number | null): string {
  return bytes === null ? '' : `, ${figure(bytes)} bytes`
}

const SIGNS = { ok: ['good', '✓'], advice: ['warning', '!'], problem: ['bad', '✗'] } as const

function findingText(output: Output, { state, found, advice }: Finding): string {
  const [emphasis, sign] = SIGNS[state]
  const room = Math.max(20, (output.width ?? 200) - 4)
  const [first = '', ...rest] = wrap(visible(found), room)
  const more = advice === null ? [] : wrap(`what to do: ${visible(advice)}`, room)
  return [`  ${output.style(emphasis, sign)} ${first}`, ...[...rest, ...more].map((line) => `    ${line}`)].join('\n')
}

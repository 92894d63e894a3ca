/**
 * The proofs at their full size, one after the other, each bounded in count and in time, against this machine only.
 *
 * `npm run torture` takes hours. `-- --share 0.1` takes a tenth of every size, with `--share failover=1` the whole size of those
 * whose names contain this; `-- --only kill,fuzz` runs the proofs whose names contain one of these, and `-- --write docs/PROOF.md`
 * writes down what was found. Exits with 1 if a promise was broken.
 */
import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { cpus, tmpdir, totalmem } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { postgresPath } from '../test/support/postgres.ts'
import type { Finding } from '../test/support/proof.ts'
import { redisPath } from '../test/support/redis.ts'

/** A test that can be made longer, and by which variable to which size. */
interface Proof {
  readonly name: string
  readonly file: string
  readonly sizes: Readonly<Record<string, number>>
}

/** How much of their full size is taken of the proofs whose names contain this, or of all. */
interface Share {
  readonly part: string | null
  readonly amount: number
}

/** What came of a proof. */
interface Outcome {
  readonly name: string
  readonly seconds: number
  readonly isKept: boolean
  /** What it has found, as rows of a table. */
  readonly rows: readonly string[]
}

const PROOFS: readonly Proof[] = [
  { name: 'interleavings', file: 'test/interleavings.test.ts', sizes: { SOJOURN_INTERLEAVINGS: 3e6 } },
  { name: 'model', file: 'test/model.test.ts', sizes: { SOJOURN_TEST_RUNS: 2e4 } },
  { name: 'kill', file: 'test/faults/kill-cycles.test.ts', sizes: { SOJOURN_KILL_CYCLES: 2e4 } },
  { name: 'fuzz-tokens', file: 'test/fuzz-tokens.test.ts', sizes: { SOJOURN_FUZZ_RUNS: 1e8 } },
  { name: 'fuzz-http', file: 'test/http-fuzz.test.ts', sizes: { SOJOURN_HTTP_FUZZ: 1e7 } },
  { name: 'fuzz-openapi', file: 'test/service/admin-fuzz.test.ts', sizes: { SOJOURN_OPENAPI_FUZZ: 2e6 } },
  { name: 'storm', file: 'test/service/login-storm.test.ts', sizes: { SOJOURN_STORM: 20_000 } },
  { name: 'cross-talk', file: 'test/http-cross-talk.test.ts', sizes: { SOJOURN_CROSS_TALK: 1e7 } },
  { name: 'touches', file: 'test/faults/touches.test.ts', sizes: { SOJOURN_TOUCH_KILLS: 2e3 } },
  { name: 'clock', file: 'test/faults/clock-steps.test.ts', sizes: {} },
  { name: 'io-errors', file: 'test/faults/io-errors.test.ts', sizes: {} },
  { name: 'canaries', file: 'test/canaries.test.ts', sizes: {} },
  { name: 'checker', file: 'test/history-checker.test.ts', sizes: { SOJOURN_TEST_HISTORIES: 1e6 } },
  { name: 'cluster', file: 'test/faults/cluster-of-nodes.test.ts', sizes: { SOJOURN_CLUSTER_RUNS: 2e3 } },
  { name: 'stopped', file: 'test/faults/stopped-node.test.ts', sizes: { SOJOURN_STOP_CYCLES: 5e3 } },
  { name: 'networks', file: 'test/faults/networks-and-engines.test.ts', sizes: { SOJOURN_STORM_SECONDS: 1_500 } },
  { name: 'namespaces', file: 'test/faults/network-namespaces.test.ts', sizes: {} },
  { name: 'engine-kills', file: 'test/faults/engine-kills.test.ts', sizes: { SOJOURN_ENGINE_KILLS: 1e3 } },
  { name: 'races', file: 'test/faults/races-of-nodes.test.ts', sizes: { SOJOURN_RACE_ROUNDS: 2e3 } },
  { name: 'restarts', file: 'test/service/nodes.test.ts', sizes: { SOJOURN_RESTART_ROUNDS: 500 } },
  { name: 'pg-failover', file: 'test/faults/postgres-failover.test.ts', sizes: { SOJOURN_PG_FAILOVERS: 100 } },
  { name: 'failover', file: 'test/redis/failover.test.ts', sizes: { SOJOURN_FAILOVERS: 150 } },
]
/** No proof may take longer, in milliseconds: two hours. */
const LONGEST = 7_200_000

const postgres = postgresPath === null ? null : join(postgresPath, 'postgres')

const { values } = parseArgs({
  options: {
    share: { type: 'string', multiple: true, default: [] },
    only: { type: 'string' },
    write: { type: 'string' },
  },
})
const shares = values.share.map(readShare)
const wanted = values.only?.split(',') ?? ['']
const chosen = PROOFS.filter(({ name }) => wanted.some((part) => name.includes(part)))
if (chosen.length === 0) throw new Error(`--only is '${values.only}'; there are ${namesOf(PROOFS)}`)

const folder = mkdtempSync(join(tmpdir(), 'sojourn-torture-'))
const outcomes: Outcome[] = []
try {
  for (const proof of chosen) outcomes.push(run(proof))
} finally {
  rmSync(folder, { recursive: true, force: true })
}
for (const { name, seconds, isKept } of outcomes) console.log(`${name}: ${seconds} s${isKept ? '' : ', failed'}`)
const lines = outcomes.flatMap(({ rows }) => rows)
if (values.write !== undefined) writeDown(values.write, lines)

/** Throws, with a sentence, when a share is no number, or of proofs that there are not. */
function readShare(text: string): Share {
  const [, part = null, number = ''] = /^(?:([^=]*)=)?(.*)$/s.exec(text) ?? []
  const amount = Number(number)
  if (!(amount > 0 && amount <= 1)) {
    throw new Error(`--share is '${text}'; give a number up to 1, such as 0.1, or failover=0.1 for a proof by its name`)
  }
  const sized = PROOFS.filter(({ sizes }) => Object.keys(sizes).length > 0)
  if (part !== null && (part === '' || !sized.some(({ name }) => name.includes(part)))) {
    throw new Error(`--share is '${text}'; those with a size are ${namesOf(sized)}`)
  }
  return { part, amount }
}

function namesOf(proofs: readonly Proof[]): string {
  return proofs.map(({ name }) => name).join(', ')
}

/** The last share that names a proof, or else the last of all; null where the size is fixed. */
function shareOf({ name, sizes }: Proof): number | null {
  if (Object.keys(sizes).length === 0) return null
  const named = shares.findLast(({ part }) => part !== null && name.includes(part))
  return (named ?? shares.findLast(({ part }) => part === null))?.amount ?? 1
}

function run(proof: Proof): Outcome {
  const { name, file, sizes } = proof
  const share = shareOf(proof)
  const proofs = join(folder, `${name}.jsonl`)
  const given = Object.entries(sizes).map(([key, size]) => [key, String(Math.ceil(size * (share ?? 1)))] as const)
  const started = Date.now()
  const { status } = spawnSync('vitest', ['run', file, `--testTimeout=${LONGEST}`], {
    env: { ...process.env, ...Object.fromEntries(given), SOJOURN_PROOF: proofs },
    stdio: 'inherit',
    timeout: LONGEST,
  })
  const seconds = Math.round((Date.now() - started) / 1_000)
  const isKept = status === 0
  if (!isKept) process.exitCode = 1
  const findings = existsSync(proofs) ? readFileSync(proofs, 'utf8').trim().split('\n') : []
  const rows = findings.map((line) => {
    const { claim, tried, found, seed } = JSON.parse(line) as Finding
    const cells = [claim + (isKept ? '' : ' **failed**'), tried, percentage(share), found, seed ?? '', `${seconds} s`]
    return `| ${cells.join(' | ')} | \`${file}\` |`
  })
  return { name, seconds, isKept, rows }
}

function percentage(share: number | null): string {
  return share === null ? '' : `${(share * 100).toLocaleString('en', { maximumSignificantDigits: 3 })} %`
}

/** The name and version of a program, or nothing where the machine has none. */
function versionOf(name: string, path: string | null): string {
  const said = path === null ? '' : spawnSync(path, ['--version'], { encoding: 'utf8' }).stdout
  const [version] = /\d+\.[\d.]+/.exec(said) ?? []
  return version === undefined ? '' : `${name} ${version}`
}

/** Puts the table, and on what it was taken, between the marks of a document. */
function writeDown(path: string, rows: readonly string[]): void {
  const [before, , after] = readFileSync(path, 'utf8').split(/<!-- (?:begin|end) of what was found -->/)
  if (before === undefined || after === undefined) throw new Error(`${path} has no marks to write between`)
  const machine = `${cpus().length} cores (${cpus()[0]?.model.trim() ?? 'unknown'}), ${Math.round(totalmem() / 2 ** 30)} GiB`
  const engines = [
    `SQLite ${process.versions['sqlite'] ?? ''}`,
    versionOf('PostgreSQL', postgres),
    versionOf('Redis', redisPath),
  ]
  const taken = `${new Date().toISOString().slice(0, 10)}, Node ${process.versions.node}, ${engines.filter(Boolean).join(', ')}, ${machine}`
  const head = ['| promise | tried | share | found | seed | took | by |', '|---|---|---|---|---|---|---|']
  const table = [...head, ...rows].join('\n')
  const text = `${before}<!-- begin of what was found -->\n\nTaken ${taken}.\n\n${table}\n\n<!-- end of what was found -->${after}`
  writeFileSync(path, text)
}

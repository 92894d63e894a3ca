import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { isMet } from './findings.ts'
import type { Comparison, Figure, Finding } from './findings.ts'
import { describeLoad, describeMachine, loadWarning, storageWarning } from './machine.ts'
import { USAGE, WITHOUT_FILE, readOptions } from './options.ts'
import type { Options } from './options.ts'
import { inOwnProcess } from './own-process.ts'
import { POSTGRES, REDIS } from './networked.ts'
import { renderFindings } from './table.ts'
import { COLD, WARM } from './validate.ts'

const folder = mkdtempSync(join(tmpdir(), 'sojourn-bench-'))
let isKept = false
process.once('exit', () => {
  if (!isKept) rmSync(folder, { recursive: true, force: true })
})
process.once('SIGINT', () => process.exit(130))

try {
  const options = readOptions(process.argv.slice(2))
  if (options === 'help') print(USAGE)
  else await benchmark(options)
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`)
  process.exitCode = 1
}

async function benchmark(options: Options): Promise<void> {
  const { sizes, parts, json } = options
  isKept = options.isKept
  const machine = describeMachine(folder)
  const before = describeLoad()
  print(`${machine}\n${new Date().toISOString().slice(0, 10)}; before: ${before}`)
  for (const warning of [loadWarning(), storageWarning(folder)]) if (warning !== null) print(`note: ${warning}`)
  const findings: Finding[] = []
  for (const size of sizes) {
    const file = join(folder, `${size}.db`)
    if (parts.some((part) => !WITHOUT_FILE.includes(part))) {
      await noting(`${size} sessions: build`, () => inOwnProcess('build', file, size))
    }
    for (const part of parts) {
      findings.push(...(await noting(`${size} sessions: ${part}`, () => inOwnProcess(part, file, size))))
    }
    if (!isKept) rmSync(file, { force: true })
  }
  findings.push(...growth(findings))
  print(`after: ${describeLoad()}, its own included\n\n${renderFindings(findings)}\n\n${summary(findings)}`)
  if (isKept) print(`the databases are in ${folder}`)
  if (json !== null) writeFileSync(json, `${JSON.stringify({ machine, before, findings }, null, 2)}\n`)
}

/** How much dearer a validation is among many sessions than among few, beside the same of the raw read. */
function growth(findings: readonly Finding[]): readonly Figure[] {
  return [COLD, WARM, POSTGRES, REDIS].flatMap((subject) => {
    const rows = findings.filter(
      (finding): finding is Comparison => finding.subject === subject && finding.kind === 'comparison',
    )
    const first = rows.at(0)
    const last = rows.at(-1)
    if (first === undefined || last === undefined || first === last) return []
    const grown = { kind: 'figure', size: last.size, unit: '×' } as const
    const since = `grown since ${first.size.toLocaleString('en')} sessions`
    return [
      { ...grown, subject: `${subject}, ${since}`, value: last.ours.median / first.ours.median, atMost: 1.5 },
      { ...grown, subject: `its raw read, ${since}`, value: last.raw.median / first.raw.median, atMost: null },
    ]
  })
}

function summary(findings: readonly Finding[]): string {
  const judged = findings.filter((finding) => isMet(finding) !== null)
  const missed = judged.filter((finding) => isMet(finding) === false)
  return `${judged.length - missed.length} of ${judged.length} targets met`
}

async function noting<T>(what: string, task: () => Promise<T>): Promise<T> {
  const start = performance.now()
  const answer = await task()
  process.stderr.write(`${what}: ${((performance.now() - start) / 1_000).toFixed(1)} s\n`)
  return answer
}

function print(text: string): void {
  process.stdout.write(`${text}\n`)
}

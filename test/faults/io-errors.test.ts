import { execFileSync } from 'node:child_process'
import { beforeEach, describe, expect, test } from 'vitest'
import { required } from '../support/require.ts'
import { figure, found } from '../support/proof.ts'
import { Child } from './support/child.ts'
import { Ledger } from './support/ledger.ts'
import { TemporaryFolder } from './support/temporary-folder.ts'

const TURNS = 12

/** What the kernel answers instead of doing it: which call, what, and at which of them. */
const FAULTS = [
  ...[1, 2, 3, 4, 5, 7, 9, 12, 16, 21].map((at) => `fsync:error=EIO:when=${at}`),
  'fsync:error=EIO:when=6+5',
  'fsync:error=EIO:when=8..11',
  ...[3, 20, 45, 90].map((at) => `pwrite64:error=EIO:when=${at}`),
  'pwrite64:error=EIO:when=30..60',
  ...[10, 40, 80].map((at) => `pwrite64:error=ENOSPC:when=${at}`),
  ...[12, 33, 70].map((at) => `pwrite64:signal=KILL:when=${at}`),
]

const figures = { runs: 0, acknowledged: 0, failures: 0 }

describe('a disk that fails', () => {
  beforeEach((context) => {
    required(context, 'strace that can inject faults', canInject())
  })

  test.for(FAULTS)('(%s) makes no acknowledgement wrong', { timeout: 60_000 }, async (fault) => {
    using folder = new TemporaryFolder()
    const path = folder.file('app.db')
    const lines = await linesUnder(fault, path, folder.file('compiled'))
    const ledger = new Ledger()
    ledger.read(lines)
    expect(acknowledgedUnchecked(lines)).toEqual([])
    expect(await ledger.audit(path)).toEqual([])
    figures.runs += 1
    figures.acknowledged += ledger.acknowledged
    figures.failures += lines.filter((line) => /^(failed|unopened)/.test(line)).length
    if (fault.includes('KILL')) return
    // A fault that comes again and again may hit the last write as well as any other.
    const since = fault.includes('+') ? lines.findIndex((line) => line.startsWith('failed')) : -1
    expect(lines.slice(since), 'after it, it works again').toContainEqual(expect.stringMatching(/^(login|logout) /))
  })

  test('was seen to fail', () => {
    const { runs, acknowledged, failures } = figures
    found({
      claim: 'SQLite: nothing is acknowledged that a failing disk has not kept',
      tried: `${figure(runs)} runs on a failing disk, ${figure(failures)} failures, ${figure(acknowledged)} acknowledgements`,
      found: '0 acknowledged wrongly',
    })
    expect(failures).toBeGreaterThan(runs)
  })
})

/** What was acknowledged after an I/O error and before the file was opened again and found whole. */
function acknowledgedUnchecked(lines: readonly string[]): readonly string[] {
  const wrong: string[] = []
  let isInDoubt = false
  for (const line of lines) {
    if (line === 'failed store_unavailable') isInDoubt = true
    else if (line === 'checked') isInDoubt = false
    else if (isInDoubt && /^(login|logout)/.test(line)) wrong.push(line)
  }
  return wrong
}

async function linesUnder(fault: string, path: string, cache: string): Promise<readonly string[]> {
  const under = [
    'strace',
    '-f',
    '-qq',
    '-o',
    '/dev/null',
    '-e',
    `trace=${fault.split(':')[0]}`,
    '-e',
    `inject=${fault}`,
  ]
  await using child = new Child('stubborn-load.ts', [path, String(TURNS)], {
    under,
    env: { NODE_COMPILE_CACHE: cache },
  })
  return await child.ended()
}

function canInject(): true | null {
  try {
    execFileSync('strace', ['-f', '-qq', '-o', '/dev/null', '-e', 'inject=fsync:error=EIO:when=1', 'true'], {
      stdio: 'ignore',
    })
    return true
  } catch {
    return null
  }
}

import { setTimeout as after } from 'node:timers/promises'
import { Child } from './child.ts'
import { Ledger } from './ledger.ts'
import type { Finding } from './ledger.ts'
import { TemporaryFolder } from './temporary-folder.ts'

/** A file is put aside after so many cycles, so that looking through it stays quick. */
const CYCLES_PER_FILE = 12
/** How many of the sessions that stand are handed to the next process to be logged out there. */
const HANDED_OVER = 40
/** The longest a process lives after its first word, in milliseconds. */
const LONGEST_LIFE = 60
/** So often a process is killed while it may still be opening the file. */
const KILLED_EARLY = 0.25

/** What a run of kill cycles should be. */
export interface KillRun {
  readonly cycles: number
  /** Processes on one file at once. Default 1. */
  readonly writers?: number | undefined
  /** `early`: with acknowledge-before-commit planted. */
  readonly fault?: 'early' | undefined
  /** Stop as soon as this holds. */
  readonly isEnough?: ((findings: readonly Finding[]) => boolean) | undefined
}

/** What came of it. */
export interface KillReport {
  readonly cycles: number
  readonly acknowledged: number
  readonly findings: readonly Finding[]
}

/** Runs processes that log in and out on a file, kills them with SIGKILL at random, and audits what they left. */
export async function killCycles(run: KillRun): Promise<KillReport> {
  using folder = new TemporaryFolder()
  const start = (cycle: number): readonly Child[] =>
    Array.from({ length: run.writers ?? 1 }, (_, writer) => {
      const path = folder.file(fileName(cycle))
      const env = { NODE_COMPILE_CACHE: folder.file('compiled') }
      return new Child('login-load.ts', [path, `c${cycle}w${writer}`, run.fault ?? 'none'], { env })
    })
  const findings: Finding[] = []
  const ledgers = [new Ledger()]
  let cycles = 0
  const started = [start(0)]
  try {
    while (cycles < run.cycles && run.isEnough?.(findings) !== true) {
      if (cycles > 0 && cycles % CYCLES_PER_FILE === 0) ledgers.push(new Ledger())
      const ledger = ledgers.at(-1)!
      // The next ones load their code meanwhile; they open the file when they are told to.
      started.push(start(cycles + 1))
      for (const lines of await lifeAndDeath(started.shift()!, ledger.standing(HANDED_OVER))) ledger.read(lines)
      findings.push(...(await ledger.audit(folder.file(fileName(cycles)))))
      cycles += 1
    }
  } finally {
    await Promise.all(started.flat().map((child) => child[Symbol.asyncDispose]()))
  }
  return { cycles, acknowledged: ledgers.reduce((sum, ledger) => sum + ledger.acknowledged, 0), findings }
}

/** The processes get going, each with its share of old tokens, and each is killed at its own moment. */
function lifeAndDeath(children: readonly Child[], tokens: readonly string[]): Promise<readonly (readonly string[])[]> {
  return Promise.all(
    children.map(async (started, place) => {
      await using child = started
      child.tell(JSON.stringify(tokens.filter((_, index) => index % children.length === place)))
      if (Math.random() >= KILLED_EARLY) await child.hasSpoken()
      await after(Math.random() * LONGEST_LIFE)
      return await child.kill()
    }),
  )
}

function fileName(cycle: number): string {
  return `${Math.floor(cycle / CYCLES_PER_FILE)}.db`
}

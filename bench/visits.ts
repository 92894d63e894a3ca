import { setImmediate as nextTurn } from 'node:timers/promises'
import type { Clock, SessionManager, Token } from 'sojourn'
import { DEVICE } from './fixture.ts'

/** A day and an hour ahead: every session of the fixture is overdue, and only those made by this clock stand. */
export const LATER: Clock = { now: () => Date.now() + 25 * 3_600_000 }

/** One validation a millisecond, so that whatever lasts longer is felt by several. */
const EVERY = 1

/** How long each of a run of validations took, in microseconds. */
export interface Visits {
  /** From the instant at which it was due, so that waiting for a busy event loop counts. */
  readonly waits: readonly number[]
  /** From the call to the answer. */
  readonly answers: readonly number[]
}

/** Validates at fixed instants until told to stop, whatever else goes on in this process. */
export async function visit(sessions: SessionManager, tokens: readonly Token[], stop: AbortSignal): Promise<Visits> {
  const waits: number[] = []
  const answers: number[] = []
  let due = performance.now()
  while (!stop.aborted) {
    for (; performance.now() >= due; due += EVERY) {
      const start = performance.now()
      const { ok } = await sessions.validate(tokens[waits.length % tokens.length], DEVICE)
      const end = performance.now()
      if (!ok) throw new Error('a session that stands was refused')
      waits.push((end - due) * 1_000)
      answers.push((end - start) * 1_000)
    }
    await nextTurn()
  }
  return { waits, answers }
}

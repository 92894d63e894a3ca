import { randomUUID } from 'node:crypto'
import { setTimeout as pause } from 'node:timers/promises'
import { SessionManager } from 'sojourn'
import type { Duration } from 'sojourn'
import { operator } from './cli.ts'
import { AS_RECORDED, PATIENCE } from './database.ts'
import type { Engine, OpenedEngine } from './engines/engine.ts'

/** How soon an end was refused elsewhere. Spans in milliseconds. */
export interface MeasuredLag {
  /** From the answer to whoever ended the session to its first refusal; null where it was not refused within the bound. */
  readonly milliseconds: number | null
  /** What is promised. */
  readonly bound: number
}

/** What a made-up user is called, before a number that nobody has had. */
const NAME = 'sojourn-doctor'
/** What is allowed beyond the bound for the way to the engine and back. */
const ALLOWANCE = 1_000

/**
 * Signs a made-up user in, ends that session, and asks a second connection with a memory of its own until it refuses.
 * Leaves nothing but the lines of history, and on Redis the epoch of the user.
 */
export async function measureLag(engine: Engine, lease: Duration | null): Promise<MeasuredLag> {
  const opened: OpenedEngine[] = []
  const open = async (): Promise<SessionManager> => {
    const each = await engine.open({ create: false, lease, deadline: PATIENCE })
    opened.push(each)
    return new SessionManager({ store: each.store, policy: AS_RECORDED })
  }
  try {
    const [here, elsewhere] = [await open(), await open()]
    const { bound, token, id, userId } = await signIn(here)
    try {
      // The first answer is read from the store, the second is what a memory has to say.
      await elsewhere.validate(token)
      await elsewhere.validate(token)
      await here.revoke({ id }, { actor: operator() })
      return { milliseconds: await untilRefused(elsewhere, token, bound + ALLOWANCE), bound }
    } finally {
      await here.revoke({ userId }, { actor: operator() })
      await opened[0]?.users.remove(userId, { at: here.now(), actor: operator() })
      await Promise.all([here.close(), elsewhere.close()])
    }
  } finally {
    await Promise.all(opened.map((each) => each.close()))
  }
}

async function signIn(sessions: SessionManager) {
  const userId = `${NAME}-${randomUUID()}`
  const { revocationBound: bound } = await sessions.guarantees()
  const { session, token } = await sessions.create({ userId, username: userId, method: 'doctor' })
  return { bound, token, id: session.id, userId }
}

async function untilRefused(sessions: SessionManager, token: string, patience: number): Promise<number | null> {
  const endedAt = performance.now()
  for (;;) {
    const check = await sessions.validate(token)
    const passed = performance.now() - endedAt
    if (!check.ok) return Math.round(passed)
    if (passed > patience) return null
    await pause(1)
  }
}

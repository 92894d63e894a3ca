import { fork } from 'node:child_process'
import { once } from 'node:events'
import { statSync } from 'node:fs'
import { setTimeout as pause } from 'node:timers/promises'
import { SessionManager } from 'sojourn'
import type { Token } from 'sojourn'
import { SqliteStore } from 'sojourn/sqlite'
import { disturbance, figure } from './findings.ts'
import type { Finding } from './findings.ts'
import { DEVICE } from './fixture.ts'
import { RawDatabase, anyUser } from './raw.ts'
import { LATER, visit } from './visits.ts'
import type { Visits } from './visits.ts'

/** With fewer sessions than this a clean-up is over before anyone could notice. */
const WORTHWHILE = 50_000
const VISITED = 500
const WARM_UP = 1_000
const QUIET = 3_000
const P99_AT_MOST = 2

interface Batch {
  readonly sessions: number
  readonly milliseconds: number
}

/** Ends every session of the database as overdue, while this process and another one go on validating. */
export async function measureCleanup(file: string, size: number): Promise<readonly Finding[]> {
  if (size < WORTHWHILE) return []
  const store = SqliteStore.open(file)
  const batches = timingRevokes(store)
  const sessions = new SessionManager({ store, clock: LATER })
  const raw = await RawDatabase.open(file, size)
  const tokens = await newTokens(sessions, size)
  const neighbour = await Neighbour.start(file, tokens)
  const here = (during: Promise<unknown>): Promise<Visits> => visitWhile(during, sessions, tokens)

  await here(pause(WARM_UP))
  await neighbour.visits('again')
  const quietHere = await here(pause(QUIET))
  const quietThere = await neighbour.visits('again')
  const start = performance.now()
  const cleanup = sessions.cleanup()
  const busyHere = await here(cleanup)
  const seconds = (performance.now() - start) / 1_000
  const busyThere = await neighbour.visits('stop')

  const { ended } = await cleanup
  raw.checkpoint()
  const findings = [
    figure(size, 'cleanup, sessions ended', ended, ''),
    figure(size, 'cleanup, sessions a second', Math.round(ended / seconds), ''),
    figure(size, 'cleanup, largest batch', Math.max(...batches.map((batch) => batch.sessions)), 'sessions', 500),
    figure(size, 'cleanup, longest batch', Math.max(...batches.map(({ milliseconds }) => milliseconds)), 'ms'),
    ...besideQuiet(size, 'the same process', quietHere, busyHere),
    ...besideQuiet(size, 'another process', quietThere, busyThere),
    figure(size, 'bytes on disk a session after its end, with two events', statSync(file).size / size, 'B'),
  ]
  await sessions.close()
  raw.close()
  return findings
}

/** Another process that validates on the same file. */
class Neighbour {
  readonly #child: ReturnType<typeof fork>

  static async start(file: string, tokens: readonly Token[]): Promise<Neighbour> {
    const child = fork(new URL('./visitor.ts', import.meta.url), [file])
    child.send(tokens)
    await pause(WARM_UP)
    return new Neighbour(child)
  }

  private constructor(child: ReturnType<typeof fork>) {
    this.#child = child
  }

  /** Its validations since it was asked last. */
  async visits(wish: 'again' | 'stop'): Promise<Visits> {
    this.#child.send(wish)
    const [visits] = await once(this.#child, 'message')
    return visits as Visits
  }
}

async function visitWhile(
  during: Promise<unknown>,
  sessions: SessionManager,
  tokens: readonly Token[],
): Promise<Visits> {
  const stop = new AbortController()
  const visits = visit(sessions, tokens, stop.signal)
  await during
  stop.abort()
  return visits
}

/** Notes how long each batch took from call to answer, as it happens. */
function timingRevokes(store: SqliteStore): readonly Batch[] {
  const batches: Batch[] = []
  const revoke = store.revoke.bind(store)
  store.revoke = async (target, mark, limit) => {
    const start = performance.now()
    const ended = await revoke(target, mark, limit)
    batches.push({ sessions: ended.length, milliseconds: performance.now() - start })
    return ended
  }
  return batches
}

function besideQuiet(size: number, where: string, quiet: Visits, busy: Visits): readonly Finding[] {
  return [
    disturbance(size, `validate in ${where}, from call to answer`, quiet.answers, busy.answers, P99_AT_MOST),
    disturbance(size, `validate in ${where}, from when it was due`, quiet.waits, busy.waits, P99_AT_MOST),
  ]
}

async function newTokens(sessions: SessionManager, size: number): Promise<readonly Token[]> {
  const login = () => sessions.create({ ...anyUser(size), device: DEVICE })
  return (await Promise.all(Array.from({ length: VISITED }, login))).map(({ token }) => token)
}

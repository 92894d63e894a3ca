import type { SessionManager } from 'sojourn'

/** The logins of one hour. */
export interface LoginPoint {
  readonly at: string
  readonly logins: number
  readonly failed: number
}

const HOUR = 3_600_000
const HOURS = 24
const PIECE = 10_000
/** An hour is counted once and for all when it has been over for so long, in milliseconds. */
const SETTLING = 60_000

/** Logins and failures hour by hour. What is over does not change, so it is counted once. */
export class LoginSeries {
  readonly #sessions: SessionManager
  readonly #settled = new Map<number, LoginPoint>()

  constructor(sessions: SessionManager) {
    this.#sessions = sessions
  }

  /** The last 24 hours, oldest first; the last one is not over yet. */
  async points(): Promise<readonly LoginPoint[]> {
    const now = this.#sessions.now()
    const last = now - (now % HOUR)
    const hours = Array.from({ length: HOURS }, (_, place) => last - (HOURS - 1 - place) * HOUR)
    for (const hour of this.#settled.keys()) if (hour < hours[0]!) this.#settled.delete(hour)
    const open = hours.filter((hour) => !this.#settled.has(hour))
    const failures = await this.#failuresSince(open[0] ?? last)
    const counted = await Promise.all(open.map((hour) => this.#count(hour, failures.get(hour) ?? 0)))
    const fresh = new Map(open.map((hour, place) => [hour, counted[place]!]))
    for (const [hour, point] of fresh) if (hour + HOUR + SETTLING <= now) this.#settled.set(hour, point)
    return hours.flatMap((hour) => this.#settled.get(hour) ?? fresh.get(hour) ?? [])
  }

  async #count(hour: number, failed: number): Promise<LoginPoint> {
    const createdSince = new Date(hour)
    const logins = await this.#sessions.count({ createdSince, createdBefore: new Date(hour + HOUR) })
    return { at: createdSince.toISOString(), logins, failed }
  }

  /** How many logins failed in each hour since an instant. */
  async #failuresSince(instant: number): Promise<ReadonlyMap<number, number>> {
    const failures = new Map<number, number>()
    const query = { type: 'login_failed', since: new Date(instant), limit: PIECE } as const
    for (let before: number | undefined; ;) {
      const piece = await this.#sessions.events({ ...query, before })
      for (const { at } of piece) {
        const hour = at.getTime() - (at.getTime() % HOUR)
        failures.set(hour, (failures.get(hour) ?? 0) + 1)
      }
      if (piece.length < PIECE) return failures
      before = piece.at(-1)?.position
    }
  }
}

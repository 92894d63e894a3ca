import { hash } from 'node:crypto'
import { milliseconds } from '../core/duration.ts'
import type { Duration } from '../core/duration.ts'
import { SojournError } from '../core/errors.ts'
import { originOf } from './network.ts'

/** What is remembered of failed attempts under one name. Instants are milliseconds since 1970, UTC. */
export interface AttemptState {
  /** Attempts that have not been cleared by a success. */
  readonly count: number
  /** When the present run of attempts began. */
  readonly since: number
  /** No further attempt before this instant. */
  readonly until: number
}

/** One bucket's change: written only if the bucket is still as it was read. Null stands for "no entry". */
export interface AttemptChange {
  readonly bucket: string
  readonly from: AttemptState | null
  readonly to: AttemptState | null
}

/** Where failed attempts are counted. Knows no rule: it compares and swaps. */
export interface AttemptStore {
  /** The state of each bucket, in the order asked for. */
  read(buckets: readonly string[]): Promise<readonly (AttemptState | null)[]>
  /** Writes all changes or none; answers false if any bucket is no longer as it was read. */
  swap(changes: readonly AttemptChange[]): Promise<boolean>
  /** Forgets at most `limit` buckets whose `until` and `since` are both before the instant. */
  sweep(before: number, limit: number): Promise<number>
}

/** How many passwords may be tried. Anything left out has the default; it can be made stricter or looser, not left out. */
export interface ThrottleOptions {
  /** Failures in a row under one username before anyone must wait. Default 5. */
  readonly freeFailures?: number | undefined
  /** The wait doubles with every further failure, from 2 s up to this. Default 15 min. */
  readonly longestWait?: Duration | undefined
  /** Failures in a row after which only a password set by an operator helps. Default 100, and never more (NIST SP 800-63B-4, section 3.2.2). */
  readonly hardStop?: number | undefined
  /** Failures in a window from one IPv4 address or IPv6 /64. Default 20. */
  readonly perAddress?: number | undefined
  /** Failures in a window from one IPv4 /24 or IPv6 /48. Default 100. */
  readonly perNetwork?: number | undefined
  /** Default 10 min. */
  readonly window?: Duration | undefined
}

/** For one account: some failures are free, then the wait doubles, and in the end nothing is tried any more. Spans in milliseconds. */
export interface BackoffRule {
  readonly kind: 'backoff'
  readonly free: number
  readonly longest: number
  readonly stop: number
}

/** For one part of the network: so many failures in a span of milliseconds. */
export interface WindowRule {
  readonly kind: 'window'
  readonly limit: number
  readonly span: number
}

export type AttemptRule = BackoffRule | WindowRule

/** Whether an attempt may be made: what to remember when it is, as though it had failed, or until when it may not. */
export type AttemptVerdict =
  | { readonly ok: true; readonly to: AttemptState }
  | { readonly ok: false; readonly until: number }

const DEFAULTS = {
  freeFailures: 5,
  longestWait: '15m',
  hardStop: 100,
  perAddress: 20,
  perNetwork: 100,
  window: '10m',
} as const satisfies Required<ThrottleOptions>

const FIRST_WAIT = 1_000
/** The last instant that a `Date` can show. */
const FOR_EVER = 8_640_000_000_000_000
/** Who has not tried for so long is forgotten: 30 days. */
const REMEMBERED = 30 * 86_400_000
const SWEEP_BATCH = 500
/** Swaps lost in a row before giving up; each loss means somebody else made progress. */
const CONTENTION_LIMIT = 50
const DOMAIN = 'sojourn/attempts/v1:'

/** Says whether one more attempt may be made after those that are remembered. Pure. */
export function nextAttempt(state: AttemptState | null, now: number, rule: AttemptRule): AttemptVerdict {
  if (state !== null && now < state.until && isBlocking(state, rule)) return { ok: false, until: state.until }
  return { ok: true, to: rule.kind === 'backoff' ? afterBackoff(state, now, rule) : afterWindow(state, now, rule) }
}

/** What to remember when an attempt has turned out well: an account starts afresh, a network gets back the one slot and no more. */
export function afterSuccess(state: AttemptState | null, taken: AttemptState, rule: AttemptRule): AttemptState | null {
  if (state === null || rule.kind === 'backoff') return null
  if (state.since !== taken.since) return state
  return state.count === 1 ? null : windowState(state.count - 1, state.since, rule)
}

/** Where somebody may try at once, `until` is when the last attempt was counted: by another node's clock that may be yet to come. */
function isBlocking({ count }: AttemptState, rule: AttemptRule): boolean {
  return rule.kind === 'window' ? count >= rule.limit : count > rule.free || count >= rule.stop
}

function afterBackoff(state: AttemptState | null, now: number, rule: BackoffRule): AttemptState {
  const count = (state?.count ?? 0) + 1
  const wait = count <= rule.free ? 0 : Math.min(rule.longest, FIRST_WAIT * 2 ** (count - rule.free))
  return { count, since: state?.since ?? now, until: count >= rule.stop ? FOR_EVER : now + wait }
}

function afterWindow(state: AttemptState | null, now: number, rule: WindowRule): AttemptState {
  if (state === null || now >= state.since + rule.span) return windowState(1, now, rule)
  return windowState(state.count + 1, state.since, rule)
}

function windowState(count: number, since: number, rule: WindowRule): AttemptState {
  return { count, since, until: count >= rule.limit ? since + rule.span : since }
}

/** A place in the store where attempts are counted, and the rule that holds there. */
export interface Bucket {
  readonly key: string
  readonly rule: AttemptRule
}

/** An attempt that may be made, counted as a failure until it has turned out well. */
export interface Reservation {
  readonly ok: true
  readonly taken: readonly (readonly [bucket: Bucket, state: AttemptState])[]
}

/** Too many have failed. Seconds until it is worth asking again, never more than the longest wait or window. */
export interface Throttled {
  readonly ok: false
  readonly reason: 'throttled'
  readonly retryAfter: number
}

/**
 * Limits how often passwords may be tried, for each account and each part of the network. A slot is taken before a
 * password is looked at and given back when it was right, so a thousand guesses at once are still one after the other.
 */
export class Throttle {
  readonly #attempts: AttemptStore
  readonly #now: () => number
  readonly #account: BackoffRule
  readonly #address: WindowRule
  readonly #network: WindowRule

  /** Throws `invalid_option` for a setting that cannot be used. */
  constructor(attempts: AttemptStore, now: () => number, options: ThrottleOptions = {}) {
    const span = milliseconds(options.window ?? DEFAULTS.window, 'throttle.window')
    this.#attempts = attempts
    this.#now = now
    this.#account = {
      kind: 'backoff',
      free: whole(options.freeFailures ?? DEFAULTS.freeFailures, 'freeFailures', DEFAULTS.hardStop),
      longest: milliseconds(options.longestWait ?? DEFAULTS.longestWait, 'throttle.longestWait'),
      stop: whole(options.hardStop ?? DEFAULTS.hardStop, 'hardStop', DEFAULTS.hardStop),
    }
    this.#address = { kind: 'window', limit: whole(options.perAddress ?? DEFAULTS.perAddress, 'perAddress'), span }
    this.#network = { kind: 'window', limit: whole(options.perNetwork ?? DEFAULTS.perNetwork, 'perNetwork'), span }
  }

  /** Where an attempt counts. Clients whose address cannot be told share one bucket. */
  bucketsFor(account: string, ip: string | null | undefined): readonly Bucket[] {
    const origin = originOf(ip)
    const ofAccount = this.#accountBucket(account)
    if (origin === null) return [ofAccount, { key: keyOf('address', 'unknown'), rule: this.#address }]
    return [
      ofAccount,
      { key: keyOf('address', origin.address), rule: this.#address },
      { key: keyOf('network', origin.network), rule: this.#network },
    ]
  }

  /** Whether an attempt would be refused now. Takes nothing. */
  async refusal(buckets: readonly Bucket[]): Promise<Throttled | null> {
    const attempt = this.#judge(buckets, await this.#read(buckets))
    return attempt.ok ? null : attempt
  }

  /** Takes a slot in every bucket, or in none. */
  async reserve(buckets: readonly Bucket[]): Promise<Reservation | Throttled> {
    for (let lost = 0; lost < CONTENTION_LIMIT; lost += 1) {
      const states = await this.#read(buckets)
      const attempt = this.#judge(buckets, states)
      if (!attempt.ok) return attempt
      const changes = attempt.taken.map(([{ key }, to], place) => ({ bucket: key, from: states[place] ?? null, to }))
      if (await this.#attempts.swap(changes)) return attempt
    }
    throw contended()
  }

  /** The password was right: clears the account and gives the network its slots back. Other failures stay. */
  async succeed({ taken }: Reservation): Promise<void> {
    const buckets = taken.map(([bucket]) => bucket)
    await this.#rewrite(buckets, (state, place) => afterSuccess(state, taken[place]![1], buckets[place]!.rule))
  }

  /** Forgets the failures of an account, the hard stop among them. */
  async clear(account: string): Promise<void> {
    await this.#rewrite([this.#accountBucket(account)], () => null)
  }

  /** Forgets what nobody has tried for 30 days. An account that has come to its hard stop stays stopped. */
  async sweep(): Promise<void> {
    const before = this.#now() - REMEMBERED
    while ((await this.#attempts.sweep(before, SWEEP_BATCH)) === SWEEP_BATCH);
  }

  async #rewrite(
    buckets: readonly Bucket[],
    rewritten: (state: AttemptState | null, place: number) => AttemptState | null,
  ) {
    for (let lost = 0; lost < CONTENTION_LIMIT; lost += 1) {
      const states = await this.#read(buckets)
      const changes = buckets.map(({ key }, place) => {
        const from = states[place] ?? null
        return { bucket: key, from, to: rewritten(from, place) }
      })
      if (await this.#attempts.swap(changes.filter(({ from, to }) => from !== to))) return
    }
    throw contended()
  }

  #accountBucket(account: string): Bucket {
    return { key: keyOf('account', account), rule: this.#account }
  }

  #read(buckets: readonly Bucket[]): Promise<readonly (AttemptState | null)[]> {
    return this.#attempts.read(buckets.map(({ key }) => key))
  }

  #judge(buckets: readonly Bucket[], states: readonly (AttemptState | null)[]): Reservation | Throttled {
    const now = this.#now()
    const taken: (readonly [Bucket, AttemptState])[] = []
    let wait = 0
    for (const [place, bucket] of buckets.entries()) {
      const verdict = nextAttempt(states[place] ?? null, now, bucket.rule)
      if (verdict.ok) taken.push([bucket, verdict.to])
      else wait = Math.max(wait, Math.min(verdict.until - now, longestWait(bucket.rule)))
    }
    return wait > 0 ? { ok: false, reason: 'throttled', retryAfter: Math.ceil(wait / 1_000) } : { ok: true, taken }
  }
}

function longestWait(rule: AttemptRule): number {
  return rule.kind === 'backoff' ? rule.longest : rule.span
}

/** Neither names nor addresses are kept: a bucket is known by the SHA-256 of its kind and what it counts. */
function keyOf(kind: 'account' | 'address' | 'network', value: string): string {
  return hash('sha256', `${DOMAIN}${kind}:${value}`, 'hex')
}

function whole(value: number, name: string, limit = 1_000_000): number {
  if (!Number.isInteger(value) || value < 1 || value > limit) {
    throw new SojournError(
      'invalid_option',
      `throttle.${name} is ${String(value)}; give a whole number from 1 to ${limit}`,
    )
  }
  return value
}

function contended(): SojournError {
  return new SojournError(
    'store_unavailable',
    `failed logins were counted ${CONTENTION_LIMIT} times by others meanwhile; try again`,
  )
}

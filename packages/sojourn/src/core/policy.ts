import { milliseconds } from './duration.ts'
import type { Duration } from './duration.ts'
import { SojournError, shown } from './errors.ts'
import type { EndReason, SessionRecord } from './session.ts'
import { isSameHash } from './token.ts'
import type { SecretHash } from './token.ts'

/** How long sessions live. Plain data; anything left out has the default. */
export interface PolicyOptions {
  /** A session not used for this long ends. Default 24 h. */
  readonly idleTimeout?: Duration
  /** A session ends this long after its user signed in, however much it is used. Default 30 days. */
  readonly absoluteLifetime?: Duration
  /** How many sessions one user may have at once. Default 0: no cap. */
  readonly maxSessionsPerUser?: number
  /** What a login beyond the cap does: ends the least recently used session, or is denied. Default `evict`. */
  readonly onExceed?: 'evict' | 'deny'
  /** How often the use of a session is written down at most. Default 1 min; never more than a tenth of the idle timeout. */
  readonly touchInterval?: Duration
  /** After how long a session is due for a new secret. Default null: only when `renew` is called. */
  readonly renewEvery?: Duration | null
  /** How long the old secret is still accepted after the new one was first presented. Default 30 s. */
  readonly renewalOverlap?: Duration
  /** How long the record of an ended session is kept. Default 90 days. */
  readonly retention?: Duration
}

/** A policy that was checked: every span in milliseconds. */
export interface Policy {
  readonly idleTimeout: number
  readonly absoluteLifetime: number
  readonly maxSessionsPerUser: number
  readonly onExceed: 'evict' | 'deny'
  readonly touchInterval: number
  readonly renewEvery: number | null
  readonly renewalOverlap: number
  readonly retention: number
}

/** What a manager does when nothing is said: NIST SP 800-63B-4, AAL1. */
export const DEFAULT_POLICY = {
  idleTimeout: '24h',
  absoluteLifetime: '30d',
  maxSessionsPerUser: 0,
  onExceed: 'evict',
  touchInterval: '1m',
  renewEvery: null,
  renewalOverlap: '30s',
  retention: '90d',
} as const satisfies Required<PolicyOptions>

/** Named policies by assurance level. `standard` fits AAL2, `high` AAL3 (NIST SP 800-63B-4, sections 2.2.3 and 2.3.3). */
export const PROFILES = {
  standard: { idleTimeout: '30m', absoluteLifetime: '12h' },
  high: { idleTimeout: '10m', absoluteLifetime: '8h' },
} as const satisfies Record<string, PolicyOptions>

/** The name of a profile. */
export type ProfileName = keyof typeof PROFILES

/** Checks a policy and fills in the defaults. Throws `invalid_option` naming the setting, what was found and what to give. */
export function definePolicy(options: PolicyOptions | ProfileName = {}): Policy {
  const given = typeof options === 'string' ? profile(options) : options
  assertKnown(given)
  const settings = { ...DEFAULT_POLICY, ...dropUndefined(given) }
  const idleTimeout = milliseconds(settings.idleTimeout, 'policy.idleTimeout')
  const absoluteLifetime = milliseconds(settings.absoluteLifetime, 'policy.absoluteLifetime')
  if (idleTimeout > absoluteLifetime) {
    throw new SojournError(
      'invalid_option',
      `policy.idleTimeout is longer than policy.absoluteLifetime; give an idle timeout within the lifetime`,
    )
  }
  const cap = settings.maxSessionsPerUser
  if (!Number.isInteger(cap) || cap < 0) {
    throw new SojournError(
      'invalid_option',
      `policy.maxSessionsPerUser is ${shown(cap)}; give 0 for no cap or a whole number`,
    )
  }
  if (settings.onExceed !== 'evict' && settings.onExceed !== 'deny') {
    throw new SojournError('invalid_option', `policy.onExceed is ${shown(settings.onExceed)}; give 'evict' or 'deny'`)
  }
  return Object.freeze({
    idleTimeout,
    absoluteLifetime,
    maxSessionsPerUser: cap,
    onExceed: settings.onExceed,
    touchInterval: Math.min(milliseconds(settings.touchInterval, 'policy.touchInterval'), Math.ceil(idleTimeout / 10)),
    renewEvery: settings.renewEvery === null ? null : milliseconds(settings.renewEvery, 'policy.renewEvery'),
    renewalOverlap: milliseconds(settings.renewalOverlap, 'policy.renewalOverlap'),
    retention: milliseconds(settings.retention, 'policy.retention'),
  })
}

/** Why a presented token is refused. All look the same over HTTP. */
export type RefusalReason =
  | 'malformed'
  | 'unknown'
  | 'mismatch'
  | 'superseded'
  | 'idle'
  | 'expired'
  | 'ended'
  | 'disabled'

/** Which of a session's secrets was presented. */
export type Generation = 'current' | 'next' | 'previous'

/** The judge's word on a presented secret. */
export type Verdict =
  | { readonly stands: true; readonly generation: Generation; readonly isRenewalDue: boolean }
  /** `isReuse`: a secret that was replaced long ago came back, so somebody else has it; the session must end. */
  | { readonly stands: false; readonly reason: RefusalReason; readonly isReuse: boolean }

/**
 * Says whether a session stands for whoever presents this hash at this instant, and if not, why. Pure: every
 * rule about the life of a session is here or in the functions below it.
 *
 * `allowance` is granted to the idle timeout only, when the note of a last use may have been lost with the
 * process that held it.
 */
export function judge(
  record: SessionRecord,
  presented: SecretHash,
  now: number,
  policy: Policy,
  allowance = 0,
): Verdict {
  const generation = generationOf(record, presented)
  if (generation === null) return refuse('mismatch')
  const end = endOf(record, now, policy, allowance)
  if (generation === 'superseded' || (generation === 'previous' && now >= (record.previousUntil ?? 0))) {
    return { stands: false, reason: 'superseded', isReuse: end === null && !isUnderWay(record, now, policy) }
  }
  if (end !== null) return refuse(refusalFor(end))
  // The successor comes into use with this very request.
  const isDue = generation !== 'next' && isRenewalDue(record, now, policy)
  return { stands: true, generation, isRenewalDue: isDue }
}

/** Whether a session stands at this instant, for someone who lists it rather than presents it. */
export function isStanding(record: SessionRecord, now: number, policy: Policy): boolean {
  return endOf(record, now, policy, 0) === null
}

/**
 * Why a session does not stand at this instant, or null while it does. Both limits hold as written when the
 * session was made or as the policy has them now, whichever is shorter: a shortened policy bites at once, a
 * lengthened one does not stretch what was promised before.
 */
export function endOf(record: SessionRecord, now: number, policy: Policy, allowance = 0): EndReason | null {
  if (record.endReason !== null) return record.endReason
  if (now >= Math.min(record.expiresAt, record.authenticatedAt + policy.absoluteLifetime)) return 'expired'
  if (now >= Math.min(record.endsAt, record.lastAccessedAt + policy.idleTimeout) + allowance) return 'idle'
  return null
}

/** When a session used at this instant ends if it is not used again. Never past its absolute end. */
export function extendedEnd(record: SessionRecord, at: number, policy: Policy): number {
  const promised = record.endsAt - record.lastAccessedAt
  return Math.min(record.expiresAt, at + Math.min(policy.idleTimeout, promised))
}

/** The instants that separate sessions standing at `now` from those that do not, for a store to compare with. */
export interface Standing {
  /** Stands only if `endsAt` is later than this. */
  readonly endsAfter: number
  /** … and `lastAccessedAt` is later than this. */
  readonly accessedAfter: number
  /** … and `authenticatedAt` is later than this. */
  readonly authenticatedAfter: number
}

/** `isStanding` as three comparisons, so that lists and counts agree with the judge. */
export function standingAt(now: number, policy: Policy): Standing {
  return {
    endsAfter: now,
    accessedAfter: now - policy.idleTimeout,
    authenticatedAfter: now - policy.absoluteLifetime,
  }
}

function generationOf(record: SessionRecord, presented: SecretHash): Generation | 'superseded' | null {
  if (isSameHash(record.secretHash, presented)) return 'current'
  if (record.nextHash !== null && isSameHash(record.nextHash, presented)) return 'next'
  const place = record.previousHashes.findIndex((previous) => isSameHash(previous, presented))
  if (place === -1) return null
  return place === 0 ? 'previous' : 'superseded'
}

function isRenewalDue(record: SessionRecord, now: number, policy: Policy): boolean {
  if (policy.renewEvery === null) return false
  return now >= secretSince(record, policy) + policy.renewEvery
}

function secretSince(record: SessionRecord, policy: Policy): number {
  if (record.previousUntil === null) return record.createdAt
  return isOfProof(record) ? record.authenticatedAt : record.previousUntil - policy.renewalOverlap
}

/**
 * Whether an older secret may still be on its way from the very client that has just proved who it is. It is refused
 * all the same; but what that client had sent before must not end the session.
 */
function isUnderWay(record: SessionRecord, now: number, policy: Policy): boolean {
  return isOfProof(record) && now < record.authenticatedAt + policy.renewalOverlap
}

/** Whether the present secret was made at a proof of identity: a renewal since then ends its overlap later than that. */
function isOfProof({ previousUntil, authenticatedAt }: SessionRecord): boolean {
  return previousUntil !== null && previousUntil <= authenticatedAt
}

/** What the holder of a token is told of a session that ended this way. */
export function refusalFor(end: EndReason): RefusalReason {
  if (end === 'idle' || end === 'expired') return end
  return end === 'user_disabled' ? 'disabled' : 'ended'
}

function refuse(reason: RefusalReason): Verdict {
  return { stands: false, reason, isReuse: false }
}

function profile(name: string): PolicyOptions {
  if (!Object.hasOwn(PROFILES, name)) {
    const known = Object.keys(PROFILES).join("', '")
    throw new SojournError('invalid_option', `policy is ${shown(name)}; give '${known}' or an object of settings`)
  }
  return PROFILES[name as ProfileName]
}

function assertKnown(options: unknown): void {
  if (typeof options !== 'object' || options === null || Array.isArray(options)) {
    throw new SojournError(
      'invalid_option',
      `policy is ${shown(options)}; give an object of settings or the name of a profile`,
    )
  }
  for (const name of Object.keys(options)) {
    if (!Object.hasOwn(DEFAULT_POLICY, name)) {
      const known = Object.keys(DEFAULT_POLICY).join(', ')
      throw new SojournError(
        'invalid_option',
        `policy.${name.slice(0, 40)} is not a setting; the settings are ${known}`,
      )
    }
  }
}

function dropUndefined(options: PolicyOptions): PolicyOptions {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined))
}

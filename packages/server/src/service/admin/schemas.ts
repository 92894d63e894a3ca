import { z } from '@hono/zod-openapi'
import { END_REASONS, EVENT_TYPES } from 'sojourn'
import { API_KEY_SCOPES } from 'sojourn/auth'

/** What the routes below `/admin` answer, as JSON has it. */

/** An instant: ISO 8601, UTC. */
export const instant = z.string().openapi({ format: 'date-time', example: '2026-11-24T09:30:00.000Z' })

const nullableInstant = instant.nullable()
const nullableText = z.string().nullable()
const whole = z.int().min(0)

const EndReason = z.enum(END_REASONS).openapi('EndReason')
const EventType = z.enum(EVENT_TYPES).openapi('EventType')
export const Scope = z.enum(API_KEY_SCOPES).openapi('Scope')
export const Role = z.enum(['user', 'operator']).openapi('Role')

export const AdminSession = z
  .strictObject({
    id: z.string(),
    userId: z.string(),
    username: z.string(),
    createdAt: instant,
    authenticatedAt: instant,
    lastAccessedAt: instant,
    expiresAt: instant,
    endsAt: instant,
    isActive: z.boolean(),
    loggedOutAt: nullableInstant,
    endReason: z.union([EndReason, z.null()]),
    endedBy: nullableText,
    device: z.strictObject({ ip: nullableText, userAgent: nullableText, label: z.string() }),
    method: nullableText,
    attributes: z.record(z.string(), z.unknown()),
  })
  .openapi('AdminSession', { description: 'A session as operators see it. It carries no secret and no hash.' })

export const AuditEvent = z
  .strictObject({
    position: whole,
    at: instant,
    type: EventType,
    sessionId: nullableText,
    userId: nullableText,
    username: nullableText.openapi({ description: 'The present name of the user, where one is known.' }),
    actor: z.string(),
    reason: z.union([EndReason, z.null()]),
    ipAddress: nullableText,
    detail: nullableText,
  })
  .openapi('AuditEvent', { description: 'One line of history.' })

export const AdminUser = z
  .strictObject({
    id: z.string(),
    username: z.string(),
    role: Role,
    isDisabled: z.boolean(),
    createdAt: instant,
    lastLoginAt: nullableInstant,
    activeSessions: whole,
  })
  .openapi('AdminUser', { description: 'A user as operators see them.' })

const Share = z.strictObject({ name: z.string(), count: whole }).openapi('Share')

export const Stats = z
  .strictObject({
    total: whole,
    active: whole,
    ended: whole,
    createdToday: whole.openapi({ description: 'Since midnight UTC.' }),
    usersOnline: whole,
    mostActiveUser: z.strictObject({ userId: z.string(), username: z.string(), sessions: whole }).nullable(),
    recent: z.array(AdminSession),
  })
  .openapi('Stats')

export const Overview = z
  .strictObject({
    total: whole,
    active: whole,
    createdToday: whole,
    usersOnline: whole,
    series: z.strictObject({
      points: z
        .array(z.strictObject({ at: instant, logins: whole, failed: whole }))
        .openapi({ description: 'Hour by hour over the last 24, oldest first.' }),
    }),
    sample: whole.openapi({ description: 'How many sessions, the last used, the shares are of.' }),
    browsers: z.array(Share),
    systems: z.array(Share),
  })
  .openapi('Overview')

const seconds = z.number().min(0)

export const Health = z
  .strictObject({
    version: z.string(),
    startedAt: instant,
    engine: z.string(),
    guarantees: z.strictObject({
      engine: z.string(),
      survivesProcessKill: z.boolean(),
      survivesPowerLoss: z.boolean(),
      revocationBound: seconds,
      settings: z.record(z.string(), z.union([z.string(), z.number(), z.boolean()])),
      warnings: z.array(z.string()),
    }),
    schema: z.strictObject({ applied: whole, pending: whole }),
    store: z.array(z.strictObject({ operation: z.string(), count: whole, p50: seconds, p95: seconds, p99: seconds })),
    eventLoop: z.strictObject({ p50: seconds, p99: seconds }),
    connections: z.strictObject({ streams: whole }),
    cleanup: z.strictObject({
      lastRunAt: nullableInstant,
      lastResult: z.strictObject({ ended: whole, pruned: whole }).nullable(),
      every: seconds.openapi({ description: 'In seconds.' }),
      overdue: whole,
    }),
  })
  .openapi('Health')

export const ApiKey = z
  .strictObject({
    id: z.string(),
    name: z.string(),
    scopes: z.array(Scope),
    createdAt: instant,
    createdBy: z.string(),
    expiresAt: instant,
    lastUsedAt: nullableInstant,
    revokedAt: nullableInstant,
  })
  .openapi('ApiKey', { description: 'A key of a program, without its secret.' })

export const Count = z.strictObject({ count: whole }).openapi('Count')
export const Cleanup = z.strictObject({ ended: whole, pruned: whole }).openapi('Cleanup')

export const Problem = z
  .strictObject({
    type: z.string().openapi({ example: 'urn:sojourn:problem:unauthenticated' }),
    title: z.string(),
    status: z.int(),
    code: z.string().openapi({ description: 'Stable: programs go by it.', example: 'unauthenticated' }),
    detail: z.string().optional(),
    retryAfter: z.number().optional().openapi({ description: 'Seconds to wait before trying again.' }),
    maxAge: z.number().optional().openapi({ description: 'How many seconds ago the proof of identity may be.' }),
    count: whole.optional().openapi({ description: 'For count_changed: how many there are now.' }),
  })
  .openapi('Problem', { description: 'What went wrong, as RFC 9457 has it.' })

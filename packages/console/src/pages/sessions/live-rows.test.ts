import { describe, expect, test } from 'vitest'
import { EVERYBODY } from './filter.ts'
import { afterEvent, isNewcomer } from './live-rows.ts'
import type { AdminSession, AuditEvent } from '../../api/types.ts'

describe('a list that somebody looks at', () => {
  test('shows at once that a session has ended, and by whom', () => {
    const rows = [session({ id: 'a' }), session({ id: 'b' })]
    const after = afterEvent(
      rows,
      event({ type: 'session_ended', sessionId: 'b', reason: 'revoked', actor: 'ops:grace' }),
    )
    expect(after.map(({ isActive }) => isActive)).toEqual([true, false])
    expect(after[1]).toMatchObject({ endReason: 'revoked', endedBy: 'ops:grace', loggedOutAt: AT })
  })

  test('shows that somebody was signed out everywhere', () => {
    const rows = [session({ id: 'a', userId: '1' }), session({ id: 'b', userId: '2' })]
    const after = afterEvent(rows, event({ type: 'user_sessions_ended', userId: '2', sessionId: null }))
    expect(after.map(({ endReason }) => endReason)).toEqual([null, 'epoch'])
  })

  test('a login made after everybody was signed out still stands', () => {
    const rows = [session({ userId: '2', createdAt: '2026-11-24T10:00:01.000Z' })]
    expect(afterEvent(rows, event({ type: 'user_sessions_ended', userId: '2' }))).toBe(rows)
  })

  test('is the very same list where nothing in it has changed', () => {
    const rows = [session({ id: 'a' })]
    expect(afterEvent(rows, event({ type: 'session_ended', sessionId: 'z' }))).toBe(rows)
    expect(afterEvent(rows, event({ type: 'session_renewed', sessionId: 'a' }))).toBe(rows)
  })

  test('an end that is known already is not told anew', () => {
    const rows = [session({ id: 'a', isActive: false, endReason: 'logout' })]
    expect(afterEvent(rows, event({ type: 'session_ended', sessionId: 'a', reason: 'revoked' }))).toBe(rows)
  })
})

describe('newcomers', () => {
  test('count where the filter would show them', () => {
    expect(isNewcomer(EVERYBODY, event({}))).toBe(true)
    expect(isNewcomer({ ...EVERYBODY, username: 'ada', ip: '192.0.2.7' }, event({}))).toBe(true)
    expect(isNewcomer({ ...EVERYBODY, username: 'grace' }, event({}))).toBe(false)
    expect(isNewcomer({ ...EVERYBODY, state: 'ended' }, event({}))).toBe(false)
    expect(isNewcomer({ ...EVERYBODY, signedIn: 'over-24h' }, event({}))).toBe(false)
  })

  test('do not count where nobody can tell', () => {
    expect(isNewcomer({ ...EVERYBODY, text: 'firefox' }, event({}))).toBe(false)
    expect(isNewcomer({ ...EVERYBODY, method: 'passkey' }, event({}))).toBe(false)
  })
})

const AT = '2026-11-24T10:00:00.000Z'

function session(over: Partial<AdminSession>): AdminSession {
  return {
    id: 'a',
    userId: '1',
    username: 'ada',
    createdAt: '2026-11-24T09:00:00.000Z',
    authenticatedAt: '2026-11-24T09:00:00.000Z',
    lastAccessedAt: '2026-11-24T09:30:00.000Z',
    expiresAt: '2026-12-24T09:00:00.000Z',
    endsAt: '2026-11-25T09:30:00.000Z',
    isActive: true,
    loggedOutAt: null,
    endReason: null,
    endedBy: null,
    device: { ip: '192.0.2.7', userAgent: null, label: 'Firefox on Linux' },
    method: 'password',
    attributes: {},
    ...over,
  }
}

function event(over: Partial<AuditEvent>): AuditEvent {
  return {
    position: 1,
    at: AT,
    type: 'session_created',
    sessionId: 'n',
    userId: '1',
    username: 'ada',
    actor: 'user',
    reason: null,
    ipAddress: '192.0.2.7',
    detail: null,
    ...over,
  }
}

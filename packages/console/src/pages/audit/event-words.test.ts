import { describe, expect, test } from 'vitest'
import { actorName, isWorrying, sentence } from './event-words.ts'
import type { AuditEvent } from '../../api/types.ts'

describe('what an operator reads of an event', () => {
  test('says who signed in and from where', () => {
    expect(sentence(event({ type: 'session_created', detail: 'password' }))).toBe('ada signed in from 192.0.2.7')
  })

  test('names the way in where it is not a password', () => {
    expect(sentence(event({ type: 'session_created', detail: 'passkey', ipAddress: null }))).toBe(
      'ada signed in with passkey',
    )
  })

  test('says who ended a session and why', () => {
    const ended = event({ type: 'session_ended', actor: 'operator:grace', reason: 'revoked' })
    expect(sentence(ended)).toBe('grace ended ada’s session: revoked')
  })

  test('gives the note of whoever ended a session', () => {
    const ended = event({ type: 'session_ended', actor: 'key:night', reason: 'revoked', detail: 'left the company' })
    expect(sentence(ended)).toBe('the key night ended ada’s session: left the company')
  })

  test('does not call what a user did themselves an end by somebody', () => {
    expect(sentence(event({ type: 'session_ended', reason: 'logout' }))).toBe('ada signed out')
    expect(sentence(event({ type: 'session_ended', reason: 'revoked' }))).toBe('ada signed out one of their devices')
  })

  test('explains what the system ended', () => {
    expect(sentence(event({ type: 'session_ended', actor: 'system', reason: 'idle' }))).toBe(
      'ada’s session ended, after a long time without use',
    )
  })

  test('says so when nobody knows the name that was tried', () => {
    const failed = event({ type: 'login_failed', username: null, userId: null, detail: 'unknown user' })
    expect(sentence(failed)).toBe('Somebody failed to sign in as an unknown name from 192.0.2.7')
  })

  test('goes by the id of a user who is gone', () => {
    expect(sentence(event({ type: 'user_deleted', username: null }))).toBe('The user 42 was deleted')
  })

  test('marks failures and copied secrets, and nothing else', () => {
    expect(isWorrying(event({ type: 'login_failed' }))).toBe(true)
    expect(isWorrying(event({ type: 'session_ended', reason: 'token_reuse' }))).toBe(true)
    expect(isWorrying(event({ type: 'session_ended', reason: 'revoked' }))).toBe(false)
  })
})

test('an actor without a kind is a name, and a name may have a colon', () => {
  expect(actorName('grace')).toBe('grace')
  expect(actorName('ops:grace:night')).toBe('grace:night')
  expect(actorName('user')).toBeNull()
})

function event(over: Partial<AuditEvent>): AuditEvent {
  return {
    position: 1,
    at: '2026-11-24T10:00:00.000Z',
    type: 'session_created',
    sessionId: '01936b1e-0000-7000-8000-000000000000',
    userId: '42',
    username: 'ada',
    actor: 'user',
    reason: null,
    ipAddress: '192.0.2.7',
    detail: null,
    ...over,
  }
}

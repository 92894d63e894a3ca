import { hash } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { AuthManager } from '../../packages/sojourn/src/auth/index.ts'
import type { PasswordHasher } from '../../packages/sojourn/src/auth/index.ts'
import { SessionManager, SojournError } from '../../packages/sojourn/src/index.ts'
import type { SessionFilter, SessionId, Token } from '../../packages/sojourn/src/index.ts'
import { MemoryStore } from '../../packages/sojourn/src/stores/memory.ts'
import { SqliteStore } from '../../packages/sojourn/src/stores/sqlite.ts'

/** What a program in plain JavaScript, or a careless adapter, may hand over where something else is asked for. */
const WRONG: Readonly<Record<string, unknown>> = {
  null: null,
  undefined: undefined,
  true: true,
  zero: 0,
  'minus one': -1,
  'a half': 0.5,
  NaN: Number.NaN,
  infinity: Number.POSITIVE_INFINITY,
  'beyond safe integers': 2 ** 60,
  'a bigint': 2n ** 70n,
  'a symbol': Symbol('wrong'),
  'empty text': '',
  'text with NUL': 'a\0b',
  'half a character': 'a\ud800b',
  'text of 1 MiB': 'x'.repeat(1_048_576),
  controls: '\r\n\u001b[31m\u2028',
  'the name __proto__': '__proto__',
  'the name constructor': 'constructor',
  'an injection': `' OR 1=1; DROP TABLE sojourn_sessions; --`,
  'an empty array': [],
  'an array of text': ['a', 'b'],
  'an array in arrays': [[[['a']]]],
  'an empty object': {},
  'an object without a prototype': Object.create(null),
  'an object with __proto__ of its own': JSON.parse(
    '{"__proto__": {"isAdmin": true}, "constructor": {"prototype": {"isAdmin": true}}}',
  ),
  'an object with a toString that is none': { toString: 1, valueOf: 1 },
  'an object that holds itself': circular(),
  'a function': () => 'a',
  bytes: new Uint8Array(32),
  'an invalid date': new Date(Number.NaN),
  'a map': new Map([['a', 'b']]),
  'a boxed string': new String('a'),
}

/** Everything a program can call, and a session that nothing of this may end. */
interface Subject {
  readonly sessions: SessionManager
  readonly auth: AuthManager
  readonly token: Token
  readonly id: SessionId
}

type Call = (subject: Subject, value: never) => unknown

const CALLS: Readonly<Record<string, Call>> = {
  'new SessionManager(policy)': (_, value) => new SessionManager({ store: new MemoryStore(), policy: value }),
  'new SessionManager(policy.idleTimeout)': (_, value) =>
    new SessionManager({ store: new MemoryStore(), policy: { idleTimeout: value } }),
  'new SessionManager(renewalKey)': (_, value) => new SessionManager({ store: new MemoryStore(), renewalKey: value }),
  'create()': ({ sessions }, value) => sessions.create(value),
  'create(userId)': ({ sessions }, value) => sessions.create({ userId: value, username: 'ada' }),
  'create(username)': ({ sessions }, value) => sessions.create({ userId: 'ada', username: value }),
  'create(device)': ({ sessions }, value) => sessions.create({ userId: 'ada', username: 'ada', device: value }),
  'create(device.ip)': ({ sessions }, value) =>
    sessions.create({ userId: 'ada', username: 'ada', device: { ip: value } }),
  'create(device.userAgent)': ({ sessions }, value) =>
    sessions.create({ userId: 'ada', username: 'ada', device: { userAgent: value } }),
  'create(method)': ({ sessions }, value) => sessions.create({ userId: 'ada', username: 'ada', method: value }),
  'create(attributes)': ({ sessions }, value) => sessions.create({ userId: 'ada', username: 'ada', attributes: value }),
  'create(attributes.of)': ({ sessions }, value) =>
    sessions.create({ userId: 'ada', username: 'ada', attributes: { of: value } }),
  'create(epoch)': ({ sessions }, value) => sessions.create({ userId: 'ada', username: 'ada', epoch: value }),
  'validate()': ({ sessions }, value) => sessions.validate(value),
  'validate(presentation)': ({ sessions, token }, value) => sessions.validate(token, value),
  'validate(presentation.ip)': ({ sessions, token }, value) => sessions.validate(token, { ip: value }),
  'validate(presentation.userAgent)': ({ sessions, token }, value) => sessions.validate(token, { userAgent: value }),
  'validate(presentation.isPassive)': ({ sessions, token }, value) => sessions.validate(token, { isPassive: value }),
  'renew()': ({ sessions }, value) => sessions.renew(value),
  'end()': ({ sessions }, value) => sessions.end(value),
  'get()': ({ sessions }, value) => sessions.get(value),
  'setAttributes(id)': ({ sessions }, value) => sessions.setAttributes(value, {}),
  'setAttributes(attributes)': ({ sessions, id }, value) => sessions.setAttributes(id, value),
  'epoch()': ({ sessions }, value) => sessions.epoch(value),
  'revoke()': ({ sessions }, value) => sessions.revoke(value),
  'revoke(id)': ({ sessions }, value) => sessions.revoke({ id: value }),
  'revoke(ids)': ({ sessions }, value) => sessions.revoke({ ids: value }),
  'revoke(ids[])': ({ sessions }, value) => sessions.revoke({ ids: [value] }),
  'revoke(userId)': ({ sessions }, value) => sessions.revoke({ userId: value }),
  'revoke(except)': ({ sessions }, value) => sessions.revoke({ userId: 'grace', except: value }),
  'revoke(where)': ({ sessions }, value) => sessions.revoke({ where: value }),
  'revoke(where.userId)': ({ sessions }, value) => sessions.revoke({ where: { ...nobody, userId: value } }),
  'revoke(where.text)': ({ sessions }, value) => sessions.revoke({ where: { ...nobody, text: value } }),
  'revoke(where.unusedFor)': ({ sessions }, value) => sessions.revoke({ where: { ...nobody, unusedFor: value } }),
  'revoke(options)': ({ sessions }, value) => sessions.revoke({ userId: 'grace' }, value),
  'revoke(reason)': ({ sessions }, value) => sessions.revoke({ userId: 'grace' }, { reason: value }),
  'revoke(actor)': ({ sessions }, value) => sessions.revoke({ userId: 'grace' }, { actor: value }),
  'page()': ({ sessions }, value) => sessions.page(value),
  'page(cursor)': ({ sessions }, value) => sessions.page({ cursor: value }),
  'page(limit)': ({ sessions }, value) => sessions.page({ limit: value }),
  'page(sort)': ({ sessions }, value) => sessions.page({ sort: value }),
  'page(order)': ({ sessions }, value) => sessions.page({ order: value }),
  'page(current)': ({ sessions }, value) => sessions.page({ current: value }),
  'page(userId)': ({ sessions }, value) => sessions.page({ userId: value }),
  'page(username)': ({ sessions }, value) => sessions.page({ username: value }),
  'page(active)': ({ sessions }, value) => sessions.page({ active: value }),
  'page(ip)': ({ sessions }, value) => sessions.page({ ip: value }),
  'page(text)': ({ sessions }, value) => sessions.page({ text: value }),
  'page(endReason)': ({ sessions }, value) => sessions.page({ endReason: value }),
  'page(method)': ({ sessions }, value) => sessions.page({ method: value }),
  'page(createdSince)': ({ sessions }, value) => sessions.page({ createdSince: value }),
  'page(createdBefore)': ({ sessions }, value) => sessions.page({ createdBefore: value }),
  'page(unusedFor)': ({ sessions }, value) => sessions.page({ unusedFor: value }),
  'list()': ({ sessions }, value) => Array.fromAsync(sessions.list(value)),
  'count()': ({ sessions }, value) => sessions.count(value),
  'cleanup()': ({ sessions }, value) => sessions.cleanup(value),
  'cleanup(olderThan)': ({ sessions }, value) => sessions.cleanup({ olderThan: value, dryRun: true }),
  'events()': ({ sessions }, value) => sessions.events(value),
  'events(sessionId)': ({ sessions }, value) => sessions.events({ sessionId: value }),
  'events(userId)': ({ sessions }, value) => sessions.events({ userId: value }),
  'events(type)': ({ sessions }, value) => sessions.events({ type: value }),
  'events(since)': ({ sessions }, value) => sessions.events({ since: value }),
  'events(before)': ({ sessions }, value) => sessions.events({ before: value }),
  'events(limit)': ({ sessions }, value) => sessions.events({ limit: value }),
  'changes(cursor)': ({ sessions }, value) => sessions.changes(value),
  'changes(limit)': ({ sessions }, value) => sessions.changes(null, value),
  'new AuthManager(passwords.minLength)': ({ sessions }, value) =>
    new AuthManager({ sessions, users: new MemoryStore().users, passwords: { minLength: value } }),
  'registerUser(username)': ({ auth }, value) => auth.registerUser(value, PASSWORD),
  'registerUser(password)': ({ auth }, value) => auth.registerUser('grace', value),
  'registerUser(role)': ({ auth }, value) => auth.registerUser('grace', PASSWORD, { role: value }),
  'registerUser(actor)': ({ auth }, value) => auth.registerUser('grace', PASSWORD, { actor: value }),
  'loginUser(username)': ({ auth }, value) => auth.loginUser(value, PASSWORD),
  'loginUser(password)': ({ auth }, value) => auth.loginUser('linus', value),
  'loginUser(device)': ({ auth }, value) => auth.loginUser('linus', PASSWORD, value),
  'loginUser(device.ip)': ({ auth }, value) => auth.loginUser('linus', PASSWORD, { ip: value }),
  'loginUser(device.userAgent)': ({ auth }, value) => auth.loginUser('linus', PASSWORD, { userAgent: value }),
  'logoutUser()': ({ auth }, value) => auth.logoutUser(value),
  'validateSession()': ({ auth }, value) => auth.validateSession(value),
  'getActiveSessions()': ({ auth }, value) => auth.getActiveSessions(value),
  'invalidateUserSessions()': ({ auth }, value) => auth.invalidateUserSessions(value),
  'invalidateUserSessions(except)': ({ auth }, value) => auth.invalidateUserSessions('linus', { except: value }),
  'cleanupOldSessions()': ({ auth }, value) => auth.cleanupOldSessions(value),
  'cleanupOldSessions(hours)': ({ auth }, value) => auth.cleanupOldSessions({ hours: value }),
  'changePassword(username)': ({ auth }, value) => auth.changePassword(value, PASSWORD, 'another good password'),
  'changePassword(current)': ({ auth }, value) => auth.changePassword('linus', value, 'another good password'),
  'changePassword(next)': ({ auth }, value) => auth.changePassword('linus', PASSWORD, value),
  'changePassword(keep)': ({ auth }, value) => auth.changePassword('linus', PASSWORD, PASSWORD, { keep: value }),
  'setPassword(username)': ({ auth }, value) => auth.setPassword(value, 'another good password'),
  'setPassword(next)': ({ auth }, value) => auth.setPassword('linus', value),
  'disableUser()': ({ auth }, value) => auth.disableUser(value),
  'disableUser(actor)': ({ auth }, value) => auth.disableUser('linus', { actor: value }),
  'enableUser()': ({ auth }, value) => auth.enableUser(value),
  'deleteUser()': ({ auth }, value) => auth.deleteUser(value),
  'setRole(username)': ({ auth }, value) => auth.setRole(value, 'user'),
  'setRole(role)': ({ auth }, value) => auth.setRole('linus', value),
  'getUser()': ({ auth }, value) => auth.getUser(value),
}

/** A filter without conditions means every session, and says so. */
const EMPTY_FILTERS = ['an empty object', 'an object without a prototype']
/** So that no filter below means everybody. */
const nobody = { ip: 'nobody' }
const PASSWORD = 'a password that is long enough'

/** Says what a password is without the work; nobody guesses at it here. */
const hasher: PasswordHasher = {
  hash: async (password) => hash('sha256', password),
  verify: async (password, stored) => hash('sha256', password) === stored,
  needsRehash: () => false,
}

describe('a call with what it cannot use', () => {
  test.for(Object.entries(CALLS))(
    '%s answers with a value or a SojournError, and ends nobody',
    async ([name, call]) => {
      const wrong: string[] = []
      for (const [kind, value] of Object.entries(WRONG)) {
        const subject = await newSubject()
        const thrown = await thrownBy(() => call(subject, value as never))
        if (thrown !== null && !(thrown instanceof SojournError)) wrong.push(`${kind}: ${String(thrown)}`)
        const check = await subject.sessions.validate(subject.token, { ip: '192.0.2.1', userAgent: 'curl/8.5.0' })
        if (!check.ok && !(name === 'revoke(where)' && EMPTY_FILTERS.includes(kind)))
          wrong.push(`${kind}: a session ended (${check.endReason})`)
        await subject.sessions.close()
      }
      expect(wrong, name).toEqual([])
      expect(Object.hasOwn(Object.prototype, 'isAdmin')).toBe(false)
    },
  )

  test('revoke(where) with a misspelt condition ends nobody', async () => {
    const { sessions, token } = await newSubject()
    const misspelt = { userid: 'grace' } as SessionFilter
    expect(await thrownBy(() => sessions.revoke({ where: misspelt }))).toBeInstanceOf(SojournError)
    expect(await sessions.validate(token)).toMatchObject({ ok: true })
  })
})

async function newSubject(): Promise<Subject> {
  const store = SqliteStore.open(':memory:')
  const sessions = new SessionManager({ store })
  const auth = new AuthManager({ sessions, users: store.users, hasher })
  await auth.registerUser('linus', PASSWORD)
  const device = { ip: '192.0.2.1', userAgent: 'curl/8.5.0' }
  const { session, token } = await sessions.create({ userId: 'ada', username: 'ada', device })
  return { sessions, auth, token, id: session.id }
}

async function thrownBy(call: () => unknown): Promise<unknown> {
  try {
    await call()
    return null
  } catch (error) {
    return error
  }
}

function circular(): object {
  const object: Record<string, unknown> = {}
  object['itself'] = object
  return object
}

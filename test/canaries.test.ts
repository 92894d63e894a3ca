import { randomBytes } from 'node:crypto'
import { appendFileSync, copyFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { adoptUserSessions } from '../packages/sojourn/src/adopt/user-sessions.ts'
import { AuthManager } from '../packages/sojourn/src/auth/index.ts'
import { SessionManager } from '../packages/sojourn/src/index.ts'
import type { SessionId, Token } from '../packages/sojourn/src/index.ts'
import { SqliteStore } from '../packages/sojourn/src/stores/sqlite.ts'
import { FixedClock } from '../packages/sojourn/src/testing/fixed-clock.ts'
import type { Workplace } from './cli/support/program.ts'
import { figure, found } from './support/proof.ts'
import { Canaries, spellingsOf } from './faults/support/canaries.ts'
import { TemporaryFolder } from './faults/support/temporary-folder.ts'
import { LEGACY_NOW, LEGACY_PASSWORD, madeUpInstallation } from './support/legacy-installation.ts'

const DEVICE = { ip: '192.0.2.1', userAgent: 'Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0' }

test(
  'no secret is left in a file, told by an error or shown by a value, whatever is done with the library',
  { timeout: 60_000 },
  async () => {
    using folder = new TemporaryFolder()
    using old = new TemporaryFolder()
    const canaries = new Canaries()
    const scene = new Scene(canaries, folder.file('app.db'))
    const warned = (warning: Error): unknown => canaries.lookAt('a process warning', warning)
    process.on('warning', warned)
    for (const [moment, act] of Object.entries({
      'sessions made, renewed, stolen and ended': () => liveWithSessions(scene),
      'people registered, signed in and turned away': () => liveWithPasswords(scene),
      'another system adopted': () => adopt(scene, old.file('legacy.db')),
      'secrets put where none belongs': () => mistakeEverything(scene),
    })) {
      await act()
      canaries.lookAtFiles(folder.path, moment)
    }
    await lookAround(scene)
    await scene.sessions.close()
    canaries.lookAtFiles(folder.path, 'closed')
    for (const token of scene.tokens) await canaries.lookAtOutcome('closed', () => scene.sessions.validate(token))
    process.off('warning', warned)
    found({
      claim: 'No secret in any file, record, event, message or view of the library',
      tried: `${figure(canaries.count)} canary secrets, ${figure(canaries.places)} files and texts`,
      found: `${canaries.hits.length} hits`,
    })
    expect(canaries.hits).toEqual([])
    expect(canaries.places).toBeGreaterThan(200)
  },
)

test(
  'no secret is left in a file or told by a command, but for the token that a login prints',
  { timeout: 120_000 },
  async () => {
    const { Workplace } = await import('./cli/support/program.ts')
    using workplace = new Workplace()
    using old = new TemporaryFolder()
    const canaries = new Canaries()
    const password = canaries.keep('the password', 'a canary in the coal mine, ö & "co"')
    const next = canaries.keep('the next password', 'the canary got out of <the> mine 100%')
    const wrong = canaries.keep('a wrong password', 'no canary was in this coal mine at all')
    const run = async (args: readonly string[], input = ''): Promise<void> => {
      const { stdout, stderr } = await workplace.run(args, { input: `${input}\n` })
      const place = `sojourn ${args.map((arg) => arg.slice(0, 10)).join(' ')}`
      canaries.look(`${place}, standard output`, Buffer.from(stdout))
      canaries.look(`${place}, standard error`, Buffer.from(stderr))
    }
    const logIn = async (name: string): Promise<Token> => {
      const { stdout, stderr } = await workplace.run(['login', 'ada'], { input: `${password}\n` })
      const token = stdout.trim() as Token
      expect(token, stderr).toHaveLength(80)
      canaries.keepToken(name, token)
      canaries.look('sojourn login, standard output', Buffer.from(stdout), name)
      canaries.look('sojourn login, standard error', Buffer.from(stderr))
      return token
    }
    await run(['migrate'])
    await run(['user', 'add', 'ada'], password)
    await run(['user', 'add', 'ada'], password)
    await run(['user', 'add', 'grace'], 'short')
    const first = await logIn('the first token')
    const second = await logIn('the second token')
    await run(['login', 'ada', '--json'], wrong)
    await run(['login', wrong], wrong)
    await run(['login', 'nobody'], password)
    await run(['validate', '--json'], first)
    await run(['validate'], `${first}x`)
    await run(['logout', '--json'], second)
    await run(['logout'], second)
    for (const command of ['validate', 'logout', 'show', 'revoke', 'invalidate', 'list']) {
      await run([command, first])
      await run([command, first.slice(37), '--json'])
    }
    for (const flags of [[], ['--json']]) {
      await run(['list', '--all', ...flags])
      await run(['show', first.slice(0, 36), ...flags])
      await run(['stats', ...flags])
      await run(['doctor', ...flags])
      await run(['user', 'list', ...flags])
    }
    const legacy = madeUpInstallation(old.file('legacy.db'))
    canaries.keep('the password there', LEGACY_PASSWORD)
    for (const { username, token } of legacy.clients) canaries.keep(`a session id of ${username}`, token)
    for (const flags of [['--dry-run'], [], ['--json']])
      await run(['adopt', 'user-sessions', '--from', legacy.path, ...flags])
    await run(['validate', '--json'], legacy.clients[0]!.token)
    await run(['user', 'passwd', 'ada'], next)
    await run(['cleanup', '1'])
    await run(['invalidate', 'ada'])
    canaries.look('sojourn tail', Buffer.from(await everythingTold(workplace)))
    canaries.lookAtFiles(workplace.folder, 'after all commands')
    found({
      claim: 'No secret in any file, output or error of the command line',
      tried: `${figure(canaries.count)} canary secrets, ${figure(canaries.places)} files and outputs`,
      found: `${canaries.hits.length} hits`,
    })
    expect(canaries.hits).toEqual([])
    expect(canaries.places).toBeGreaterThan(80)
  },
)

test('a secret is found in a file in whatever spelling it was planted', async () => {
  using folder = new TemporaryFolder()
  const sessions = new SessionManager({ store: SqliteStore.open(folder.file('app.db')) })
  const { token } = await sessions.create({ userId: 'ada', username: 'ada' })
  await sessions.close()
  for (const secret of [token.slice(37), 'a canary in the coal mine, ö & "co"']) {
    for (const [spelling, bytes] of spellingsOf(secret)) {
      using copies = new TemporaryFolder()
      copyFileSync(folder.file('app.db'), copies.file('app.db'))
      appendFileSync(copies.file('app.db'), Buffer.concat([randomBytes(7), bytes, randomBytes(7)]))
      const canaries = new Canaries()
      canaries.keep('the secret', secret)
      canaries.lookAtFiles(copies.path, 'planted')
      expect(canaries.hits.flatMap((hit) => hit.spellings)).toContain(spelling)
    }
  }
})

test('a secret is found that an application keeps with a session by mistake', async () => {
  using folder = new TemporaryFolder()
  const canaries = new Canaries()
  const password = canaries.keep('the password', 'a canary in the coal mine')
  await using sessions = new SessionManager({ store: SqliteStore.open(folder.file('app.db')) })
  const { session } = await sessions.create({
    userId: 'ada',
    username: 'ada',
    attributes: { cookie: btoa(`x${password}`) },
  })
  canaries.lookAt('the session', session)
  canaries.lookAtFiles(folder.path, 'open')
  expect(new Set(canaries.hits.map(({ place }) => place))).toEqual(new Set(['the session', 'open: app.db-wal']))
})

/** A database, what works on it, and the tokens it handed out. */
class Scene {
  readonly canaries: Canaries
  readonly path: string
  readonly clock = new FixedClock(LEGACY_NOW)
  readonly store: SqliteStore
  readonly sessions: SessionManager
  readonly auth: AuthManager
  readonly tokens: Token[] = []
  readonly passwords: string[] = []

  constructor(canaries: Canaries, path: string) {
    this.canaries = canaries
    this.path = path
    this.store = SqliteStore.open(path)
    this.sessions = new SessionManager({ store: this.store, clock: this.clock })
    this.auth = new AuthManager({ sessions: this.sessions, users: this.store.users })
  }

  /** Looks at what carries a token, and keeps the token as a secret. */
  issued(name: string, issued: { readonly token: Token }): Token {
    this.canaries.keepToken(name, issued.token)
    this.canaries.lookAt(name, issued)
    this.tokens.push(issued.token)
    return issued.token
  }

  password(name: string, password: string): string {
    this.passwords.push(password)
    return this.canaries.keep(name, password)
  }

  look(place: string, call: () => unknown): Promise<unknown> {
    return this.canaries.lookAtOutcome(place, call)
  }
}

async function liveWithSessions(scene: Scene): Promise<void> {
  const { sessions, clock } = scene
  const create = async (name: string): Promise<Token> =>
    scene.issued(name, await sessions.create({ userId: 'ada', username: 'ada', device: DEVICE, method: 'passkey' }))
  const used = await create('a token in use')
  const ended = await create('a token that was ended')
  const renewed = await create('a token that was renewed')
  const stolen = await create('a token that was stolen')
  await create('a token that was never used')
  await scene.look('validate', () => sessions.validate(used, DEVICE))
  await scene.look('end', () => sessions.end(ended))
  await scene.look('validate what has ended', () => sessions.validate(ended))
  for (const token of [renewed, stolen]) {
    const outcome = await sessions.renew(token.slice(0, 36))
    if (!outcome.ok) throw new Error('the renewal was refused')
    const successor = scene.issued('a successor', outcome)
    if (token === stolen) await scene.look('validate the successor', () => sessions.validate(successor))
  }
  clock.advance('5m')
  await scene.look('reuse', () => sessions.validate(stolen, { ip: '203.0.113.66' }))
  await scene.look('flush', () => sessions.flush())
}

async function liveWithPasswords(scene: Scene): Promise<void> {
  const { auth, clock } = scene
  const password = scene.password('a password', 'a canary in the coal mine, ö & "co"')
  const next = scene.password('the next password', 'the canary got out of <the> mine 100%')
  const given = scene.password('a password from an operator', 'operators hand out canaries now')
  const wrong = scene.password('a wrong password', 'no canary was ever in this coal mine')
  await scene.look('register', () => auth.registerUser('grace', password))
  await scene.look('register twice', () => auth.registerUser('grace', password))
  await scene.look('register with too long a password', () => auth.registerUser('linus', password.repeat(100)))
  const login = await auth.loginUser('grace', password, DEVICE)
  if (!login.ok) throw new Error(`the login was refused: ${login.reason}`)
  const token = scene.issued('a token of a login', login)
  scene.canaries.lookAt('the AuthManager', auth)
  for (let attempt = 0; attempt < 3; attempt += 1) {
    await scene.look('a wrong password', () => auth.loginUser('grace', wrong, DEVICE))
    await scene.look('an unknown user', () => auth.loginUser('nobody', wrong, DEVICE))
    await scene.look('a password typed as the name', () => auth.loginUser(password, wrong, DEVICE))
  }
  clock.advance('1h')
  await scene.look('change', () => auth.changePassword('grace', password, next, { device: DEVICE }))
  await scene.look('change with a wrong password', () =>
    auth.changePassword('grace', wrong, password, { device: DEVICE }),
  )
  await scene.look('set', () => auth.setPassword('grace', given, { actor: 'ops:linus' }))
  await scene.look('validate', () => auth.validateSession(token))
  await scene.look('log out', () => auth.logoutUser(token))
  await scene.look('disable', () => auth.disableUser('grace'))
  await scene.look('a disabled user', () => auth.loginUser('grace', given, DEVICE))
}

async function adopt(scene: Scene, path: string): Promise<void> {
  const legacy = madeUpInstallation(path)
  scene.password('a password of the other system', LEGACY_PASSWORD)
  for (const { username, token } of legacy.clients) scene.canaries.keep(`a session id of ${username}`, token)
  const now = scene.clock.now()
  await scene.look('adopt', () => adoptUserSessions({ from: path, to: scene.store, now }))
  await scene.look('adopt again', () => adoptUserSessions({ from: path, to: scene.store, now }))
  for (const { token } of legacy.clients)
    await scene.look('validate an adopted token', () => scene.sessions.validate(token))
  const { username, token } = legacy.clients.find(({ isLoggedOut }) => !isLoggedOut)!
  const check = await scene.sessions.validate(token)
  if (!check.ok) throw new Error(`an adopted session was refused: ${check.reason}`)
  const renewed = await scene.sessions.renew(check.session.id)
  if (renewed.ok) scene.issued('the successor of an adopted token', renewed)
  const login = await scene.auth.loginUser(username, LEGACY_PASSWORD, DEVICE)
  if (login.ok) scene.issued('a token of an adopted user', login)
  scene.tokens.push(token as Token)
}

/** Secrets where an id, a name or a reason is asked for. */
async function mistakeEverything({ sessions, auth, canaries, tokens, passwords }: Scene): Promise<void> {
  for (const secret of [...tokens, ...tokens.map((token) => token.slice(37)).filter(Boolean), ...passwords]) {
    const wrong = secret as SessionId
    for (const [place, call] of Object.entries({
      'validate()': () => sessions.validate(`${secret} `),
      'end()': () => sessions.end([secret]),
      'renew()': () => sessions.renew(wrong),
      'get()': () => sessions.get(wrong),
      'setAttributes()': () => sessions.setAttributes(wrong, {}),
      'revoke(id)': () => sessions.revoke({ id: wrong }),
      'revoke(except)': () => sessions.revoke({ userId: 'nobody', except: wrong }),
      'revoke(userId)': () => sessions.revoke({ userId: secret.repeat(10) }),
      'create(username)': () => sessions.create({ userId: 'nobody', username: `${secret}\u0000` }),
      'create(userId)': () => sessions.create({ userId: `${secret}\u0000`, username: 'nobody' }),
      'page(cursor)': () => sessions.page({ cursor: secret }),
      'page(userId)': () => sessions.page({ userId: secret }),
      'registerUser()': () => auth.registerUser(`${secret}\u0007`, secret),
      'getActiveSessions()': () => auth.getActiveSessions(secret),
      'invalidateUserSessions()': () => auth.invalidateUserSessions(secret),
      'invalidateUserSessions(except)': () => auth.invalidateUserSessions('grace', { except: wrong }),
      'getUser()': () => auth.getUser(secret),
    })) {
      await canaries.lookAtOutcome(place, call)
    }
  }
}

/** Everything that can be listed, counted and printed. */
async function lookAround({ sessions, auth, store, canaries }: Scene): Promise<void> {
  for (const [place, call] of Object.entries({
    page: () => sessions.page({ limit: 500 }),
    'page by use': () => sessions.page({ limit: 500, sort: 'lastAccessedAt' }),
    list: () => Array.fromAsync(sessions.list()),
    stats: () => sessions.stats(),
    events: () => sessions.events({ limit: 10_000 }),
    changes: () => sessions.changes(null, 10_000),
    guarantees: () => sessions.guarantees(),
    users: () => Array.fromAsync(auth.listUsers()),
    cleanup: () => sessions.cleanup({ olderThan: '1s' }),
    manager: () => sessions,
    'auth manager': () => auth,
    store: () => store,
  })) {
    await canaries.lookAtOutcome(place, call)
  }
}

/** The whole history as `sojourn tail` tells it. */
async function everythingTold(workplace: Workplace): Promise<string> {
  const child = workplace.start(['tail', '--from-start', '--json'])
  const chunks: string[] = []
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    chunks.push(text)
    if (chunks.join('').includes('user_sessions_ended')) child.kill('SIGTERM')
  })
  child.stderr.setEncoding('utf8').on('data', (text: string) => chunks.push(text))
  await new Promise((resolve) => child.once('close', resolve))
  return chunks.join('')
}

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { SETTINGS, flagOf, readSettings, variableOf } from './settings.ts'
import type { ServeSettings } from './settings.ts'

const HTTPS = 'https://id.example.com'

let folder: string

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'sojourn-settings-'))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

interface Said {
  readonly flags?: Readonly<Record<string, unknown>>
  readonly env?: NodeJS.ProcessEnv
  readonly file?: unknown
}

function read({ flags = {}, env = {}, file }: Said): ReturnType<typeof readSettings> {
  if (file === undefined) return readSettings({ flags, env })
  const path = join(folder, 'sojourn.json')
  writeFileSync(path, typeof file === 'string' ? file : JSON.stringify(file))
  return readSettings({ flags: { ...flags, config: path }, env })
}

function settingsOf(said: Said): ServeSettings {
  const outcome = read(said)
  if (!outcome.ok) throw new Error(outcome.mistakes.join('\n'))
  return outcome.settings
}

function mistakesOf(said: Said): readonly string[] {
  const outcome = read(said)
  return outcome.ok ? [] : outcome.mistakes
}

describe('with nothing but an origin', () => {
  test('NET-1: a service listens on this machine, trusts no proxy, registers nobody and shows its figures here only', () => {
    expect(settingsOf({ flags: { baseUrl: HTTPS } })).toEqual({
      database: null,
      users: null,
      host: '127.0.0.1',
      port: 3_000,
      logLevel: 'info',
      baseUrl: HTTPS,
      lease: null,
      drain: 0,
      renewalKey: null,
      service: {
        isDevelopment: false,
        trustedProxies: [],
        registration: false,
        metrics: 'loopback',
        cleanupEvery: 600_000,
        policy: {},
      },
    })
  })

  test('NET-2: and without that it does not start', () => {
    expect(mistakesOf({})).toEqual([expect.stringMatching(/^baseUrl is missing; give the https origin/)])
  })
})

test('in development everybody on this machine may register, at the address that is listened on', () => {
  const { baseUrl, host, service } = settingsOf({ flags: { development: true } })
  expect({ baseUrl, host }).toEqual({ baseUrl: null, host: '127.0.0.1' })
  expect(service).toMatchObject({ isDevelopment: true, registration: true })
  expect(settingsOf({ flags: { development: true, registration: 'off' } }).service.registration).toBe(false)
})

describe('a flag goes before a variable, that before the file, and that before the default', () => {
  const file = { baseUrl: HTTPS, port: 1, host: '::1' }
  const env = { SOJOURN_PORT: '2', SOJOURN_HOST: '' }

  test.each([
    [{ flags: { port: '3' }, env, file }, 3],
    [{ env, file }, 2],
    [{ file }, 1],
    [{ flags: { baseUrl: HTTPS } }, 3_000],
  ])('%j', (said, port) => {
    expect(settingsOf(said).port).toBe(port)
  })

  test('an empty variable says nothing', () => {
    expect(settingsOf({ env, file }).host).toBe('::1')
  })
})

test('every setting can be given in each of the three ways', () => {
  const given = {
    host: '10.0.0.7',
    port: 8080,
    baseUrl: HTTPS,
    development: false,
    trustedProxies: ['10.0.0.0/8', '::1'],
    registration: true,
    metrics: 'open',
    logLevel: 'warn',
    cleanupEvery: '1h',
    lease: '2s',
    drain: '5s',
    idleTimeout: '30m',
    absoluteLifetime: '12h',
    maxSessionsPerUser: 5,
    onExceed: 'deny',
    touchInterval: '10s',
    renewEvery: '15m',
    renewalOverlap: '10s',
    retention: '365d',
  }
  expect(Object.keys(given)).toEqual(Object.keys(SETTINGS))
  const typed = Object.entries(given).map(([name, value]) => [name, String(value)] as const)
  const wanted: ServeSettings = {
    database: null,
    users: null,
    host: '10.0.0.7',
    port: 8_080,
    logLevel: 'warn',
    baseUrl: HTTPS,
    lease: '2s',
    drain: 5_000,
    renewalKey: null,
    service: {
      isDevelopment: false,
      trustedProxies: ['10.0.0.0/8', '::1'],
      registration: true,
      metrics: 'open',
      cleanupEvery: 3_600_000,
      policy: {
        idleTimeout: '30m',
        absoluteLifetime: '12h',
        maxSessionsPerUser: 5,
        onExceed: 'deny',
        touchInterval: '10s',
        renewEvery: '15m',
        renewalOverlap: '10s',
        retention: '365d',
      },
    },
  }
  expect(settingsOf({ file: given })).toEqual(wanted)
  expect(settingsOf({ flags: Object.fromEntries(typed) })).toEqual(wanted)
  expect(settingsOf({ env: Object.fromEntries(typed.map(([name, text]) => [variableOf(name), text])) })).toEqual(wanted)
  expect([flagOf('baseUrl'), variableOf('baseUrl')]).toEqual(['--base-url', 'SOJOURN_BASE_URL'])
})

test('the file may name the database', () => {
  expect(settingsOf({ file: { baseUrl: HTTPS, database: 'sqlite:/var/lib/sojourn.db' } }).database).toBe(
    'sqlite:/var/lib/sojourn.db',
  )
})

test('the key of renewals comes from a variable or the file, never from a flag, and what is wrong with it is not repeated', () => {
  const text = 'q83vEjRWeJCrze8SNFZ4kKvN7xI0VniQq83vEjRWeJA'
  const [inEnv, inFile] = [
    { env: { SOJOURN_BASE_URL: HTTPS, SOJOURN_RENEWAL_KEY: text } },
    { file: { baseUrl: HTTPS, renewalKey: `${text}=` } },
  ]
  for (const said of [inEnv, inFile]) expect(settingsOf(said).renewalKey).toEqual(Buffer.from(text, 'base64url'))
  expect(Object.keys(SETTINGS)).not.toContain('renewalKey')
  const [mistake = ''] = mistakesOf({ env: { SOJOURN_BASE_URL: HTTPS, SOJOURN_RENEWAL_KEY: text.slice(1) } })
  expect(mistake).toMatch(/^\$SOJOURN_RENEWAL_KEY is not what it should be; give 32 random bytes/)
  expect(mistake).not.toContain(text.slice(1, 9))
})

test('a database in the file may have a password, which is in no mistake', () => {
  const file = { baseUrl: HTTPS, database: ['postgres://ada:hunter2@db/app'], users: 7 }
  const mistakes = mistakesOf({ file }).join()
  expect(mistakes).toMatch(/database in .* is not what it should be.*users in .* is not what it should be/)
  expect(mistakes).not.toContain('hunter2')
})

test('a lease is neither too short to be renewed nor longer than anybody can wait for', () => {
  for (const lease of ['10ms', '2m', 'always']) {
    expect(mistakesOf({ flags: { baseUrl: HTTPS, lease } })).toEqual([expect.stringContaining("'100ms' to '1m'")])
  }
  expect(settingsOf({ flags: { baseUrl: HTTPS, drain: '0s' } }).drain).toBe(0)
})

test('every mistake is told at once, each with the place it is in and what to give', () => {
  const mistakes = mistakesOf({
    flags: { port: '99999', registration: 'perhaps' },
    env: { SOJOURN_TRUSTED_PROXIES: '10.0.0.0/8,nginx', SOJOURN_LOG_LEVEL: 'loud', SOJOURN_METRICS: 'all' },
    file: {
      baseUrl: 'http://id.example.com',
      idleTimeout: '0s',
      maxSessionsPerUser: -1,
      onExceed: 'ask',
      cleanupEvery: '1ms',
      host: 7,
      absoluteLifetime: 'soon',
    },
  })
  const file = join(folder, 'sojourn.json')
  expect(mistakes.toSorted()).toEqual([
    "$SOJOURN_LOG_LEVEL is 'loud'; give trace, debug, info, warn, error, fatal or silent",
    "$SOJOURN_METRICS is 'all'; give loopback, open or off",
    "$SOJOURN_TRUSTED_PROXIES is '10.0.0.0/8,nginx'; in it 'nginx' is no address; give addresses or ranges such as 10.0.0.7 or 10.0.0.0/8",
    "--port is '99999'; give a whole number from 0 to 65535",
    "--registration is 'perhaps'; give on or off",
    `absoluteLifetime in '${file}' is 'soon'; give a duration such as '30m', '24h' or '30d'`,
    `baseUrl in '${file}' is 'http://id.example.com'; give the https origin that users see, such as 'https://id.example.com'`,
    `cleanupEvery in '${file}' is '1ms'; give a duration from '1s' to '24d'`,
    `host in '${file}' is 7; give an address such as 127.0.0.1`,
    `idleTimeout in '${file}' is '0s'; give a duration such as '30m', '24h' or '30d'`,
    `maxSessionsPerUser in '${file}' is -1; give a whole number, or 0 for any`,
    `onExceed in '${file}' is 'ask'; give evict or deny`,
  ])
})

test('what one setting says against another is told when each can be used', () => {
  const said = { baseUrl: HTTPS, idleTimeout: '60d' }
  expect(mistakesOf({ file: said })).toEqual([expect.stringContaining('idleTimeout is longer than absoluteLifetime')])
})

describe('what is no setting is refused', () => {
  test('in the file, with the settings there are', () => {
    expect(mistakesOf({ file: { baseUrl: HTTPS, trustedProxy: '10.0.0.1' } })).toEqual([
      expect.stringMatching(/^'trustedProxy' in '.*sojourn\.json' is no setting; the settings are host, port, baseUrl/),
    ])
  })

  test('among the variables', () => {
    const env = {
      SOJOURN_BASE_URL: HTTPS,
      SOJOURN_TRUSTED_PROXY: '10.0.0.1',
      SOJOURN_DATABASE_URL: 'sqlite:x',
      HOME: '/',
    }
    expect(mistakesOf({ env })).toEqual([expect.stringMatching(/^\$SOJOURN_TRUSTED_PROXY is no setting/)])
  })

  test('but for the variables that Kubernetes gives to whatever runs beside a service called sojourn', () => {
    const env = {
      SOJOURN_BASE_URL: HTTPS,
      SOJOURN_SERVICE_HOST: '10.0.0.1',
      SOJOURN_PORT: 'tcp://10.0.0.1:3000',
      SOJOURN_PORT_3000_TCP_ADDR: '10.0.0.1',
    }
    expect(settingsOf({ env }).port).toBe(3_000)
  })
})

describe('a file of settings that cannot be used', () => {
  test.each([
    ['no JSON', '{ "port": s3cret }', 'is not JSON; give an object'],
    ['a list', '[]', 'is no object; give one'],
    ['nothing', 'null', 'is no object; give one'],
  ])('is told without what is in it: %s', (_, file, problem) => {
    const [mistake = '', ...others] = mistakesOf({ flags: { baseUrl: HTTPS }, file })
    expect(mistake).toContain(problem)
    expect(mistake).not.toContain('s3cret')
    expect(others).toEqual([])
  })

  test('is told when it is not there', () => {
    expect(mistakesOf({ flags: { baseUrl: HTTPS, config: join(folder, 'none.json') } })).toEqual([
      expect.stringContaining('cannot be read (ENOENT)'),
    ])
  })
})

describe('COO-2, COO-12: plain http is for development on this machine only', () => {
  test.each([
    ['another address', { development: true, host: '0.0.0.0' }, "--host is '0.0.0.0' and --development is for this"],
    ['every address', { development: true, host: '::' }, "--host is '::' and --development is for this machine only"],
    ['the origin of somebody else', { development: true, baseUrl: 'http://id.example.com' }, 'address of this machine'],
    ['https, which it does not speak', { development: true, baseUrl: HTTPS }, 'address of this machine'],
    ['plain http without it', { baseUrl: 'http://localhost:3000' }, 'give the https origin'],
    ['a path', { baseUrl: `${HTTPS}/login` }, 'give the https origin'],
    ['credentials', { baseUrl: 'https://ada:secret@id.example.com' }, 'give the https origin'],
  ])('%s', (_, flags, problem) => {
    expect(mistakesOf({ flags })).toEqual([expect.stringContaining(problem)])
  })

  test('and not where the host says that this is production', () => {
    expect(mistakesOf({ flags: { development: true }, env: { NODE_ENV: 'production' } })).toEqual([
      expect.stringContaining('$NODE_ENV is production'),
    ])
  })

  test.each(['http://localhost:3000', 'http://127.0.0.1:8080', 'http://[::1]:3000', 'http://app.localhost'])(
    'as at %s',
    (baseUrl) => {
      expect(settingsOf({ flags: { development: true, baseUrl } }).baseUrl).toBe(baseUrl)
    },
  )
})

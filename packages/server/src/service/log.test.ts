import { SojournError } from 'sojourn'
import { expect, test } from 'vitest'
import { createLog, pathForLog, readable } from './log.ts'
import type { LogLevel } from './log.ts'

const SECRET = 'q7Hq0yQp4W3vT1rM9kZ2xC8bN6aL5sD0fG-jH_kE3uY'
const ID = '019ab3c4-5d6e-7f80-9a1b-2c3d4e5f6071'

function logged(write: (log: ReturnType<typeof createLog>) => void, level: LogLevel = 'trace'): readonly string[] {
  const lines: string[] = []
  write(createLog(level, { write: (line: string) => lines.push(line) }))
  return lines
}

test('LOG-1: what is logged by mistake under the name of a secret is not shown', () => {
  const [line = ''] = logged((log) =>
    log.info({
      password: SECRET,
      body: { newPassword: SECRET, token: SECRET },
      list: [{ token: SECRET }],
      at: { the: { end: { of: { a: { long: { way: SECRET } } } } } },
      request: { headers: { cookie: SECRET, authorization: SECRET, 'set-cookie': SECRET } },
    }),
  )
  expect(line).not.toContain(SECRET)
  expect(line.match(/\[redacted\]/g)).toHaveLength(8)
})

test('LOG-1: an error is told with its causes, without secrets in its words and without what hangs on to it', () => {
  const cause = Object.assign(new TypeError(`no good: ${SECRET}`), { body: SECRET })
  const error = new SojournError('store_unavailable', `session '${ID}' could not be read`, { cause })
  const [line = ''] = logged((log) => log.error({ err: error }, 'failed'))
  expect(line).not.toContain(SECRET)
  const { err } = JSON.parse(line) as { err: Record<string, unknown> }
  expect(err).toMatchObject({
    type: 'SojournError',
    code: 'store_unavailable',
    message: `session '${ID}' could not be read`,
    stack: expect.stringContaining('log.test.ts'),
    cause: { type: 'TypeError', message: 'no good: [redacted]' },
  })
})

test('LOG-3: one event is one line, whatever is in it', () => {
  const nasty = 'ada\r\n{"level":"fatal"}\u001b[2J\u2028\u2029"\\'
  const lines = logged((log) => log.info({ name: nasty }, nasty))
  expect(lines).toHaveLength(1)
  expect(lines[0]?.trimEnd()).not.toMatch(/\p{Cc}/u)
  expect(JSON.parse(lines[0] ?? '')).toMatchObject({ level: 'info', name: nasty, msg: nasty })
})

test('an instant is UTC, and nothing is said of the host', () => {
  const [line = ''] = logged((log) => log.info('here'))
  const { time, ...rest } = JSON.parse(line) as { time: string }
  expect(time).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/)
  expect(rest).toEqual({ level: 'info', msg: 'here' })
})

test('what is below the level is left out', () => {
  const write = (log: ReturnType<typeof createLog>): void => {
    log.info('unheard')
    log.warn('heard')
  }
  expect(logged(write, 'warn')).toHaveLength(1)
  expect(logged(write, 'silent')).toEqual([])
})

test('LOG-1, LOG-4: a path is logged without what may be a secret, and not without end', () => {
  expect(pathForLog(`/setup/${SECRET}`)).toBe('/setup/[redacted]')
  expect(pathForLog('/setup/short/too')).toBe('/setup/[redacted]')
  expect(pathForLog(`/Setup/${SECRET}`)).toBe('/Setup/[redacted]')
  expect(pathForLog(`/auth/session/${ID}.${SECRET}`)).not.toContain(SECRET)
  expect(pathForLog(`/x/${[...SECRET].map((sign) => `%${sign.charCodeAt(0).toString(16)}`).join('')}`)).toBe(
    '/x/[redacted]',
  )
  expect(pathForLog(`/auth/sessions/${ID}`)).toBe(`/auth/sessions/${ID}`)
  expect(pathForLog(`/${'a b '.repeat(1_000)}`).length).toBe(200)
})

test('for a person a request is a line, and an error is its sentence', () => {
  const shown: string[] = []
  const log = createLog(
    'debug',
    readable((text) => shown.push(text)),
  )
  log.info({ requestId: 'x', method: 'GET', path: '/', status: 200, ms: 1.2, ip: '127.0.0.1' }, 'answered')
  log.error({ err: new Error('the disk is full') }, 'the clean-up has failed')
  log.info({ ended: 3 }, 'cleaned up')
  expect(shown.map((line) => line.slice(9))).toEqual([
    'GET / 200 1.2 ms\n',
    'error: the clean-up has failed: the disk is full\n',
    'cleaned up {"ended":3}\n',
  ])
})

import { describe, expect, test } from 'vitest'
import { request } from '../../../../test/support/http-site.ts'
import { choiceField, flagField, optionalField, readForm, readJson, textField } from './body.ts'
import type { BodyOutcome, Fields } from './body.ts'

const FIELDS = {
  username: textField,
  mode: optionalField(choiceField('cookie', 'token'), 'cookie'),
  remember: optionalField(flagField, false),
}

describe('a JSON body', () => {
  test('gives the fields that are there, and the others as they are when left out', async () => {
    const outcome = await readJson(post({ username: 'ada', remember: true }), FIELDS)
    expect(outcome).toEqual({ ok: true, value: { username: 'ada', mode: 'cookie', remember: true } })
  })

  test.each(['application/json', 'application/json; charset=utf-8', 'application/json;charset=utf-8'])(
    'is read as %s',
    async (type) => {
      expect(await status(readJson(raw('{"username":"ada"}', type), FIELDS))).toBe(200)
    },
  )

  test.each([
    'text/plain',
    'text/plain; application/json',
    'application/x-www-form-urlencoded',
    'multipart/form-data; boundary=x',
    'Application/JSON',
    'application/json; charset=utf-16',
    'application/json; charset=utf-8; x=y',
    'application/json, text/plain',
    'application/jsonp',
    'application/problem+json',
    '',
  ])('CSR-7: of the type %j is not read', async (type) => {
    expect(await code(readJson(raw('{"username":"ada"}', type), FIELDS))).toBe('unsupported_media_type')
  })

  test('CSR-7: without a type is not read', async () => {
    const untyped = new Request('https://app.example.com/', { method: 'POST', body: new Uint8Array([123, 125]) })
    expect(untyped.headers.has('content-type')).toBe(false)
    expect(await code(readJson(untyped, FIELDS))).toBe('unsupported_media_type')
  })

  test('that is compressed is not read', async () => {
    const compressed = request('POST', '/', { body: {}, headers: { 'content-encoding': 'gzip' } })
    expect(await code(readJson(compressed, FIELDS))).toBe('unsupported_media_type')
  })

  test('INP-1: of 16 KiB is read, and of one byte more is not', async () => {
    const body = (size: number): string => JSON.stringify({ username: 'a'.repeat(size - '{"username":""}'.length) })
    expect(await status(readJson(raw(body(16_384)), FIELDS))).toBe(200)
    expect(await code(readJson(raw(body(16_385)), FIELDS))).toBe('body_too_large')
  })

  test('that says it is too large is refused before it is read', async () => {
    const boasting = request('POST', '/', { body: {}, headers: { 'content-length': '16385' } })
    expect(await code(readJson(boasting, FIELDS))).toBe('body_too_large')
    expect(boasting.bodyUsed).toBe(false)
  })

  test('INP-1: that never ends is cut off, whatever it said of its length', async () => {
    let pulled = 0
    let isCancelled = false
    const endless = new ReadableStream({
      pull: (controller) => {
        pulled += 1
        controller.enqueue(new Uint8Array(1_024).fill(32))
      },
      cancel: () => {
        isCancelled = true
      },
    })
    expect(await code(readJson(streamed(endless), FIELDS))).toBe('body_too_large')
    expect(pulled).toBeLessThan(20)
    expect(isCancelled).toBe(true)
  })

  test('that breaks off is a mistake of the client', async () => {
    const broken = new ReadableStream({
      pull: (controller) => controller.error(new Error('gone')),
    })
    expect(await code(readJson(streamed(broken), FIELDS))).toBe('invalid_body')
  })

  test.each([
    ['no text', [0xff]],
    ['half a character', [0xc3]],
    ['a character in more bytes than it needs', [0xc0, 0xa1]],
    ['half a pair', [0xed, 0xa0, 0x80]],
  ])('with bytes that are %s is refused, not mended', async (_, bytes) => {
    const body = Uint8Array.from([...Buffer.from('{"username":"'), ...bytes, ...Buffer.from('"}')])
    expect(await code(readJson(raw(body), FIELDS))).toBe('invalid_body')
  })

  test('that begins with a byte order mark is no JSON', async () => {
    expect(await code(readJson(raw('\ufeff{"username":"ada"}'), FIELDS))).toBe('invalid_body')
  })

  test.each([
    ['nothing', ''],
    ['no JSON', 'username=ada'],
    ['an array', '["ada"]'],
    ['null', 'null'],
    ['text', '"ada"'],
    ['a number', '1'],
    ['a field twice', '{"username":"ada","username":"eve"}'],
    ['a form that another site could send as text', '{"username":"ada","x=":""}'],
  ])('that is %s is refused', async (_, text) => {
    expect(await code(readJson(raw(text), FIELDS))).toBe('invalid_body')
  })

  test.each<[unknown]>([[null], [1], [true], [['ada']], [{ toString: 'ada' }], [[]], [{}], [undefined]])(
    'PWD-10: with %j for text is refused',
    async (username) => {
      expect(await code(readJson(post({ username }), FIELDS))).toBe('invalid_body')
    },
  )

  test.each<[unknown]>([[null], [1], [0], ['true'], ['on'], [[]], [{}]])(
    'PWD-10: with %j for true or false is refused',
    async (remember) => {
      expect(await code(readJson(post({ username: 'ada', remember }), FIELDS))).toBe('invalid_body')
    },
  )

  test.each<[unknown]>([[null], [1], ['Token'], [['token']], ['']])(
    'PWD-10: with %j for one of the words is refused',
    async (mode) => {
      expect(await code(readJson(post({ username: 'ada', mode }), FIELDS))).toBe('invalid_body')
    },
  )

  test.each(['userId', 'role', 'createdAt', 'expiresAt', 'aal', '__proto__', 'constructor', 'Username'])(
    'INP-3: with the field %s, which it may not have, is refused whole',
    async (name) => {
      const text = `{"username":"ada","${name}":"operator"}`
      expect(await code(readJson(raw(text), FIELDS))).toBe('invalid_body')
      expect(Object.hasOwn(Object.prototype, 'operator')).toBe(false)
    },
  )

  test('is refused with a sentence that shows what may be given and nothing that was', async () => {
    const outcome = await readJson(post({ username: 'ada', remember: 'canary-1' }), FIELDS)
    expect(await detail(outcome)).toBe('remember must be true or false')
    const unknown = await readJson(post({ username: 'ada', 'canary-2': 1 }), FIELDS)
    expect(await detail(unknown)).toBe('the body may have username, mode, remember and nothing else')
  })

  test('that somebody else has read already is a fault of the host', async () => {
    const read = post({ username: 'ada' })
    await read.text()
    await expect(readJson(read, FIELDS)).rejects.toThrow('was read before')
  })
})

describe('a form', () => {
  const FORM = 'application/x-www-form-urlencoded'

  test('gives its fields; a checkbox that is ticked says yes', async () => {
    const outcome = await readForm(raw('username=ada+l%C3%B6ve&remember=on', FORM), FIELDS)
    expect(outcome).toEqual({ ok: true, value: { username: 'ada löve', mode: 'cookie', remember: true } })
  })

  test.each([
    ['a field twice', 'username=ada&username=eve'],
    ['a field it may not have', 'username=ada&role=operator'],
    ['a field missing', 'remember=on'],
    ['another word than on', 'username=ada&remember=true'],
  ])('with %s is refused', async (_, text) => {
    expect(await code(readForm(raw(text, FORM), FIELDS))).toBe('invalid_body')
  })

  test('is no JSON, and JSON is no form', async () => {
    expect(await code(readForm(raw('{"username":"ada"}'), FIELDS))).toBe('unsupported_media_type')
    expect(await code(readJson(raw('username=ada', FORM), FIELDS))).toBe('unsupported_media_type')
  })
})

function post(body: object): Request {
  return request('POST', '/', { body })
}

function raw(body: string | Uint8Array<ArrayBuffer>, type = 'application/json'): Request {
  return new Request('https://app.example.com/', { method: 'POST', body, headers: { 'content-type': type } })
}

function streamed(body: ReadableStream): Request {
  const headers = { 'content-type': 'application/json' }
  return new Request('https://app.example.com/', { method: 'POST', body, headers, duplex: 'half' })
}

async function status(reading: Promise<BodyOutcome<Fields>>): Promise<number> {
  const outcome = await reading
  return outcome.ok ? 200 : outcome.response.status
}

async function code(reading: Promise<BodyOutcome<Fields>>): Promise<unknown> {
  const outcome = await reading
  return outcome.ok ? 'read' : ((await outcome.response.json()) as { code: string }).code
}

async function detail(outcome: BodyOutcome<Fields>): Promise<unknown> {
  return outcome.ok ? 'read' : ((await outcome.response.json()) as { detail: string }).detail
}

import { createHash, randomBytes } from 'node:crypto'
import fc from 'fast-check'
import { describe, expect, expectTypeOf, test } from 'vitest'
import {
  adoptedId,
  hashSecret,
  isSameHash,
  isSessionId,
  joinToken,
  mintSecret,
  mintSessionId,
  parseToken,
  successorSecret,
} from './token.ts'
import type { SessionId, Token } from './token.ts'

const NOW = Date.UTC(2026, 0, 1)
const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
/** The 64 characters less these are spellings of a last character whose spare bits are not zero. */
const CANONICAL_LAST = 'AEIMQUYcgkosw048'

describe('a fresh token', () => {
  test('is unlike 100,000 others in id and secret, and each secret has 43 URL-safe characters (TOK-2)', () => {
    const count = 100_000
    const secrets = new Set<string>()
    const ids = new Set<string>()
    for (let drawn = 0; drawn < count; drawn += 1) {
      const secret = mintSecret()
      if (!/^[\w-]{43}$/.test(secret)) throw new Error(`a secret has ${secret.length} characters`)
      secrets.add(secret)
      ids.add(mintSessionId(NOW))
    }
    expect(secrets.size).toBe(count)
    expect(ids.size).toBe(count)
  })

  test('carries 256 bits of the generator, none lost (TOK-1)', () => {
    const bytes = randomBytes(32)
    expect(
      Buffer.from(
        mintSecret(() => bytes),
        'base64url',
      ),
    ).toEqual(bytes)
  })

  test('is refused by a generator that gives too few bytes', () => {
    expect(() => mintSecret(() => new Uint8Array(16))).toThrow('a secret is 32 bytes, not 16')
  })

  test('has an id that is a UUIDv7 of its millisecond, so that ids sort by time', () => {
    const [earlier, later] = [mintSessionId(NOW), mintSessionId(NOW + 1)]
    expect(isSessionId(earlier)).toBe(true)
    expect(Number.parseInt(earlier.replaceAll('-', '').slice(0, 12), 16)).toBe(NOW)
    expect(earlier[14]).toBe('7')
    expect(earlier < later).toBe(true)
  })

  test('is taken apart into its id and the hash of its secret', () => {
    const [id, secret] = [mintSessionId(NOW), mintSecret()]
    const presented = parseToken(joinToken(id, secret))
    expect(presented?.id).toBe(id)
    expect(Buffer.from(presented!.hash)).toEqual(createHash('sha256').update(secret).digest())
  })
})

describe('a presented token', () => {
  const id = mintSessionId(NOW)
  const token = joinToken(id, mintSecret())

  test('with any one character changed is another token or none', () => {
    const { hash } = parseToken(token)!
    for (let place = 0; place < token.length; place += 1) {
      for (const character of `${ALPHABET}.+/= `) {
        if (character === token[place]) continue
        const changed = parseToken(token.slice(0, place) + character + token.slice(place + 1))
        const isTheSame = changed !== null && changed.id === id && isSameHash(changed.hash, hash)
        if (isTheSame) throw new Error(`character ${place} may be ${character} as well`)
      }
    }
    expect(parseToken(token)).not.toBeNull()
  })

  test('has one spelling only: a last character with spare bits set is refused', () => {
    for (const last of ALPHABET) {
      const presented = parseToken(token.slice(0, -1) + last)
      expect(presented !== null, `last character ${last}`).toBe(CANONICAL_LAST.includes(last))
    }
  })

  test.each([
    ['nothing', ''],
    ['an id alone', id],
    ['a secret cut short', token.slice(0, -1)],
    ['a character too many', `${token}A`],
    ['white space around it', ` ${token}`],
    ['a line break after it', `${token}\n`],
    ['an upper case id', token.toUpperCase()],
    ['another separator', token.replace('.', ':')],
    ['padding', `${token.slice(0, -1)}=`],
    ['the other base64 alphabet', `${token.slice(0, -2)}+A`],
    ['a NUL', `${token.slice(0, -1)}\0`],
    ['a UUID of another version', token.replace(/^(.{14})7/, '$14')],
    ['a secret of 43 characters that no encoder writes', `${'A'.repeat(42)}B`],
    ['a very long text', 'A'.repeat(1_000_000)],
    ['a number', 42],
    ['nothing at all', undefined],
    ['null', null],
    ['a list with a token in it', [token]],
    ['an object that claims to be one', { length: token.length, toString: () => token }],
  ])('%s is no token', (_, presented) => {
    expect(parseToken(presented)).toBeNull()
  })

  test('is judged without ever throwing, whatever it is', () => {
    const nearly = fc
      .tuple(fc.nat(token.length), fc.string({ unit: 'binary', maxLength: 4 }))
      .map(([place, text]) => token.slice(0, place) + text + token.slice(place + text.length))
    fc.assert(
      fc.property(fc.oneof(fc.anything(), fc.string(), nearly), (presented) => {
        const parsed = parseToken(presented)
        return parsed === null || typeof presented === 'string'
      }),
      { numRuns: 5_000 },
    )
    expect(parseToken(token)).not.toBeNull()
  })

  test('without a dot is one that was adopted: its id follows from it and does not give it away', () => {
    const secret = mintSecret()
    const presented = parseToken(secret)
    expect(presented?.id).toBe(adoptedId(secret))
    expect(isSessionId(presented?.id)).toBe(true)
    expect(presented?.id[14]).toBe('8')
    expect(createHash('sha256').update(secret).digest('hex')).not.toContain(presented?.id.slice(0, 8))
  })
})

describe('hashes', () => {
  test('are the same only if every byte is (STO-2)', () => {
    const hash = hashSecret('secret')
    for (let place = 0; place < hash.length; place += 1) {
      const other = Uint8Array.from(hash)
      other[place]! ^= 1
      expect(isSameHash(hash, other)).toBe(false)
    }
    expect(isSameHash(hash, hashSecret('secret'))).toBe(true)
    expect(isSameHash(hash, hash.slice(0, 31))).toBe(false)
  })
})

describe('a successor', () => {
  const [key, salt, id] = [randomBytes(32), randomBytes(32), mintSessionId(NOW)]

  test('is the same again from the same key, id and salt', () => {
    expect(successorSecret(key, id, salt)).toBe(successorSecret(key, id, salt))
    expect(parseToken(joinToken(id, successorSecret(key, id, salt)))).not.toBeNull()
  })

  test('is another from another key, id or salt (KEY-4)', () => {
    const secrets = [
      successorSecret(key, id, salt),
      successorSecret(randomBytes(32), id, salt),
      successorSecret(key, mintSessionId(NOW), salt),
      successorSecret(key, id, randomBytes(32)),
    ]
    expect(new Set(secrets).size).toBe(4)
  })
})

test('an id cannot be passed where a token is asked for, nor a token as an id, nor plain text as either (TOK-6)', () => {
  expectTypeOf<SessionId>().not.toExtend<Token>()
  expectTypeOf<Token>().not.toExtend<SessionId>()
  expectTypeOf<string>().not.toExtend<SessionId>()
  expectTypeOf<string>().not.toExtend<Token>()
  expectTypeOf<SessionId>().toExtend<string>()
  // @ts-expect-error a token is no id
  expect(joinToken(joinToken(mintSessionId(NOW), 'x'), 'y')).toContain('.')
})

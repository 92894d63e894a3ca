import { copyFileSync, existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { fileURLToPath } from 'node:url'
import { hash as bcrypt } from '@node-rs/bcrypt'
import { describe, expect, test } from 'vitest'
import { fastestArgon2, nodeArgon2, packageArgon2 } from './argon2.ts'
import { isBcrypt } from './bcrypt.ts'
import { parsePhc } from './phc.ts'
import { Argon2Hasher, DEFAULT_ARGON2 } from './passwords.ts'

const PASSWORD = 'correct horse battery staple'
const LEGACY = fileURLToPath(new URL('../../../../../shared/fixtures/legacy/', import.meta.url))
const hasher = new Argon2Hasher()
const byNode = new Argon2Hasher(DEFAULT_ARGON2, async () => nodeArgon2)
const byPackage = new Argon2Hasher(DEFAULT_ARGON2, async () => (await packageArgon2())!)

describe('argon2id', () => {
  test('a password verifies against its hash, and another one does not', async () => {
    const stored = await hasher.hash(PASSWORD)
    expect(await hasher.verify(PASSWORD, stored)).toBe(true)
    expect(await hasher.verify(`${PASSWORD} `, stored)).toBe(false)
  })

  test('a hash is a PHC string at the default cost, with 16 bytes of salt and a tag of 32 (PWD-1)', async () => {
    const stored = await hasher.hash(PASSWORD)
    expect(stored).toMatch(/^\$argon2id\$v=19\$m=47104,t=2,p=1\$/)
    expect(parsePhc(stored)?.salt).toHaveLength(16)
    expect(parsePhc(stored)?.tag).toHaveLength(32)
  })

  test('no two hashes share a salt', async () => {
    expect(await hasher.hash(PASSWORD)).not.toBe(await hasher.hash(PASSWORD))
  })

  test('the package and Node verify what the other has hashed', async () => {
    for (const password of [PASSWORD, 'sämtliche 密码 🔑 with a \0 inside', 'x'.repeat(1_024)]) {
      const [a, b] = [await byNode.hash(password), await byPackage.hash(password)]
      expect(await byPackage.verify(password, a)).toBe(true)
      expect(await byNode.verify(password, b)).toBe(true)
      expect(await byPackage.verify(`${password}!`, a)).toBe(false)
      expect(await byNode.verify(`${password}!`, b)).toBe(false)
    }
  })

  test('what follows a NUL counts', async () => {
    for (const each of [byNode, byPackage]) {
      expect(await each.verify('before\0after that', await each.hash('before\0other than'))).toBe(false)
    }
  })

  test('the package is taken where it is installed', async () => {
    expect(await packageArgon2()).not.toBeNull()
    expect(await fastestArgon2()).not.toBe(nodeArgon2)
  })

  test('a published vector at another cost, with four lanes, verifies', async () => {
    const stored = '$argon2id$v=19$m=65536,t=2,p=4$c29tZXNhbHQ$GpZ3sK/oH9p7VIiV56G/64Zo/8GaUw434IimaPqxwCo'
    for (const each of [byNode, byPackage]) expect(await each.verify('password', stored)).toBe(true)
  })
})

describe('the cost', () => {
  test.each([
    { memory: 47_103, passes: 1 },
    { memory: 19_455, passes: 2 },
    { memory: 12_287, passes: 3 },
    { memory: 12_287, passes: 9 },
    { memory: 47_104, passes: 0 },
    { memory: 47_104.5, passes: 2 },
    { memory: 47_104, passes: 17 },
    { memory: 1_048_577, passes: 2 },
  ])('$memory KiB in $passes passes is refused', (cost) => {
    expect(() => new Argon2Hasher(cost)).toThrow(expect.objectContaining({ code: 'invalid_option' }))
  })

  test.each([
    { memory: 47_104, passes: 1 },
    { memory: 19_456, passes: 2 },
    { memory: 12_288, passes: 3 },
    { memory: 12_288, passes: 4 },
  ])('$memory KiB in $passes passes is what the stored hash says', async (cost) => {
    expect(parsePhc(await new Argon2Hasher(cost).hash(PASSWORD))).toMatchObject({ ...cost, parallelism: 1 })
  })

  test('a cheaper hash and one of another kind are due for replacement, an equal or dearer one is not', async () => {
    const cheap = await new Argon2Hasher({ memory: 19_456, passes: 2 }).hash(PASSWORD)
    const dear = await new Argon2Hasher({ memory: 47_104, passes: 3 }).hash(PASSWORD)
    const quick = await new Argon2Hasher({ memory: 47_104, passes: 1 }).hash(PASSWORD)
    expect(hasher.needsRehash(cheap)).toBe(true)
    expect(hasher.needsRehash(quick)).toBe(true)
    expect(hasher.needsRehash(await hasher.hash(PASSWORD))).toBe(false)
    expect(hasher.needsRehash(dear)).toBe(false)
    expect(hasher.needsRehash('$2b$12$wyiSPb4/bKP4R9amOpLkCugXv5cCGJzwkLGLjfiYu.b.St8Barih.')).toBe(true)
  })
})

describe('what is no hash', () => {
  test.each([
    null,
    '',
    ' ',
    '!',
    '*',
    'x',
    'null',
    'undefined',
    PASSWORD,
    '$argon2id$',
    '$argon2id$v=19$m=47104,t=2,p=1$$',
    '$2b$12$',
    '$2b$31$wyiSPb4/bKP4R9amOpLkCugXv5cCGJzwkLGLjfiYu.b.St8Barih.',
    '$2x$12$wyiSPb4/bKP4R9amOpLkCugXv5cCGJzwkLGLjfiYu.b.St8Barih.',
    '$5$rounds=5000$salt$hash',
  ])('%j matches no password, itself and the empty one included', async (stored) => {
    for (const password of [PASSWORD, '', stored ?? 'null']) expect(await hasher.verify(password, stored)).toBe(false)
  })

  test('it costs one computation at the present settings, as any other hash does', async () => {
    const costs: string[] = []
    const counting = new Argon2Hasher(DEFAULT_ARGON2, async () => async (input) => {
      costs.push(`${input.memory}/${input.passes}/${input.parallelism}`)
      return new Uint8Array(input.length)
    })
    await counting.verify(PASSWORD, await hasher.hash(PASSWORD))
    await counting.verify(PASSWORD, null)
    await counting.verify(PASSWORD, '!')
    await counting.verify('', await hasher.hash(PASSWORD))
    expect(costs).toEqual(Array(4).fill('47104/2/1'))
  })
})

test('the empty password matches nothing, not even a hash of it (PWD-9)', async () => {
  expect(await hasher.verify('', await hasher.hash(''))).toBe(false)
  expect(await hasher.verify('', await bcrypt('', 4))).toBe(false)
})

describe('bcrypt', () => {
  test.each(['$2a$', '$2b$', '$2y$'])('a hash marked %s verifies', async (prefix) => {
    const stored = prefix + (await bcrypt(PASSWORD, 4)).slice(4)
    expect(await hasher.verify(PASSWORD, stored)).toBe(true)
    expect(await hasher.verify(`${PASSWORD}!`, stored)).toBe(false)
  })

  test('a password of 72 bytes verifies; a longer one is refused and not cut', async () => {
    const longest = 'é'.repeat(36)
    const stored = await bcrypt(longest, 4)
    expect(await hasher.verify(longest, stored)).toBe(true)
    expect(await hasher.verify(`${longest}x`, stored)).toBe(false)
    expect(await hasher.verify(`${longest}x`, await bcrypt(`${longest}x`, 4))).toBe(false)
  })

  test('a password with a NUL inside is refused', async () => {
    expect(await hasher.verify('before\0after', await bcrypt('before\0after', 4))).toBe(false)
  })

  test('a cost that takes longer than anybody waits is not tried', () => {
    const at = (cost: string): string => `$2b$${cost}$wyiSPb4/bKP4R9amOpLkCugXv5cCGJzwkLGLjfiYu.b.St8Barih.`
    expect(['04', '12', '15'].map((cost) => isBcrypt(at(cost)))).toEqual([true, true, true])
    expect(['00', '03', '16', '31', '99'].map((cost) => isBcrypt(at(cost)))).toEqual(Array(5).fill(false))
  })
})

test.runIf(existsSync(LEGACY))('the passwords of a real installation verify', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'sojourn-legacy-'))
  try {
    copyFileSync(join(LEGACY, 'soulsense.db'), join(folder, 'soulsense.db'))
    using database = new DatabaseSync(join(folder, 'soulsense.db'), { readOnly: true })
    const known = JSON.parse(readFileSync(join(LEGACY, 'soulsense.json'), 'utf8')) as Record<string, string>[]
    for (const { username, password } of known.slice(0, 2)) {
      const row = database.prepare('SELECT password_hash FROM users WHERE username = ?').get(username!)
      const stored = String(row?.['password_hash'])
      expect(isBcrypt(stored)).toBe(true)
      expect(await hasher.verify(password!, stored)).toBe(true)
      expect(await hasher.verify(`${password}?`, stored)).toBe(false)
    }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
})

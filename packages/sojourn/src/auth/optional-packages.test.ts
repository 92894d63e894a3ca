import { afterEach, beforeEach, expect, test, vi } from 'vitest'

const PASSWORD = 'correct horse battery staple'
const BCRYPT = '$2b$04$wyiSPb4/bKP4R9amOpLkCugXv5cCGJzwkLGLjfiYu.b.St8Barih.'

beforeEach(() => {
  vi.resetModules()
  for (const name of ['@node-rs/argon2', '@node-rs/bcrypt', '@zxcvbn-ts/language-common']) {
    vi.doMock(name, () => {
      throw new Error(`Cannot find package '${name}'`)
    })
  }
})
afterEach(() => {
  vi.doUnmock('@node-rs/argon2')
  vi.doUnmock('@node-rs/bcrypt')
  vi.doUnmock('@zxcvbn-ts/language-common')
})

test('without its package argon2id is computed by Node', async () => {
  const { fastestArgon2, nodeArgon2, packageArgon2 } = await import('./argon2.ts')
  const { Argon2Hasher } = await import('./passwords.ts')
  expect(await packageArgon2()).toBeNull()
  expect(await fastestArgon2()).toBe(nodeArgon2)
  const hasher = new Argon2Hasher()
  expect(await hasher.verify(PASSWORD, await hasher.hash(PASSWORD))).toBe(true)
})

test('without its package a bcrypt hash is neither right nor wrong, and the error says what to install', async () => {
  const { Argon2Hasher } = await import('./passwords.ts')
  await expect(new Argon2Hasher().verify(PASSWORD, BCRYPT)).rejects.toMatchObject({
    code: 'dependency_missing',
    message: expect.stringContaining('npm install @node-rs/bcrypt') as string,
  })
})

test('without its package the list of common passwords is empty, and the rules hold all the same', async () => {
  const { commonPasswords } = await import('./common-passwords.ts')
  const { PasswordRules } = await import('./password-rules.ts')
  expect((await commonPasswords()).size).toBe(0)
  expect(await new PasswordRules().check('passwordpassword', 'ada')).toMatchObject({ reason: 'common' })
  expect(await new PasswordRules().check(PASSWORD, 'ada')).toMatchObject({ ok: true })
})

import { describe, expect, test } from 'vitest'
import { commonPasswords } from './common-passwords.ts'
import { PasswordRules, readPassword } from './password-rules.ts'

const GOOD = 'correct horse battery staple'

async function reason(password: unknown, rules = new PasswordRules(), username = 'ada'): Promise<string> {
  const outcome = await rules.check(password, username)
  return outcome.ok ? 'ok' : outcome.reason
}

describe('length', () => {
  test('15 characters are enough and 14 are not (PWD-4)', async () => {
    expect(await reason('mxqrvkzpwhtjbf3')).toBe('ok')
    expect(await reason('mxqrvkzpwhtjbf')).toBe('too_short')
  })

  test('characters are counted, not bytes or halves', async () => {
    expect(await reason('🔑🌍🐝🎲🧊🪐🧶🫖🧭🪁🪵🧨🪞🧺')).toBe('too_short')
    expect(await reason('🔑🌍🐝🎲🧊🪐🧶🫖🧭🪁🪵🧨🪞🧺🫐')).toBe('ok')
  })

  test('the least length is 8 to 64', async () => {
    expect(await reason('mxqrvkzp', new PasswordRules({ minLength: 8 }))).toBe('ok')
    for (const minLength of [7, 0, -1, 65, 8.5, Number.NaN]) {
      expect(() => new PasswordRules({ minLength })).toThrow(expect.objectContaining({ code: 'invalid_option' }))
    }
  })

  test('1,024 bytes can be used and 1,025 are refused, not cut (PWD-4, DOS-2)', async () => {
    const random = Array.from({ length: 512 }, (_, place) => String.fromCharCode(0x100 + ((place * 37) % 300))).join('')
    expect(Buffer.byteLength(random)).toBe(1_024)
    expect(await reason(random)).toBe('ok')
    expect(await reason(`${random}x`)).toBe('too_long')
    expect(await reason('x'.repeat(5_000_000))).toBe('too_long')
  })

  test('bytes are counted after composing', () => {
    const decomposed = 'é'.normalize('NFD').repeat(512)
    expect(readPassword(decomposed)).toEqual({ ok: true, password: 'é'.repeat(512) })
  })
})

describe('form', () => {
  test('composed and decomposed spellings are one password', () => {
    expect(readPassword('Zo\u0065\u0308 sees fjords')).toEqual(readPassword('Zo\u00eb sees fjords'))
  })

  test('nothing else is changed: case, spaces around it, NUL', () => {
    expect(readPassword('  Ab\0ﬁ  ')).toEqual({ ok: true, password: '  Ab\0ﬁ  ' })
  })

  test('half a character and what is no text are malformed', async () => {
    for (const password of [`${GOOD}\ud83d`, undefined, null, 42, true, [GOOD], { password: GOOD }]) {
      expect(await reason(password)).toBe('malformed')
    }
  })

  test('no kind of character is asked for', async () => {
    expect(await reason('mxqrvkzpwhtjbfd')).toBe('ok')
    expect(await reason('739105846273915')).toBe('ok')
  })
})

describe('what is tried first', () => {
  test.each([
    'aaaaaaaaaaaaaaaa',
    'abcabcabcabcabcab',
    'xk7qxk7qxk7qxk7q',
    'abcdefghijklmnopq',
    '123456789012345',
    '987654321098765',
    'qwertyuiopasdfgh',
    'QwertyuiopASDFGH',
    '1qaz2wsx3edc4rfv',
    'poiuytrewqlkjhgf',
    'passwordpassword',
    'Password12345678!',
    'sojourn-2026-11-23',
  ])('%s', async (password) => {
    expect(await reason(password)).toBe('common')
  })

  test('a sentence, a phrase and random characters can be used', async () => {
    for (const password of [
      GOOD,
      'welcome_to_1234',
      'my password is a sojourn',
      'dQw4w9WgXcQ-T7_zR',
      'Der Mond ist aufgegangen',
    ]) {
      expect(await reason(password)).toBe('ok')
    }
  })

  test('a first character that comes again at the end is no repetition', async () => {
    expect(await reason('xk7qp2mx', new PasswordRules({ minLength: 8 }))).toBe('ok')
  })

  test('a password on the list of common ones is refused whatever its case', async () => {
    const rules = new PasswordRules({ minLength: 8 })
    expect((await commonPasswords()).size).toBeGreaterThan(3_000)
    expect((await commonPasswords()).has('sunshine1')).toBe(true)
    expect(await reason('SunShine1', rules)).toBe('common')
    expect(await reason('SunShine1 falls', rules)).toBe('ok')
  })

  test('the names of the product the host gives are no password', async () => {
    const rules = new PasswordRules({ names: ['Acme', 'Rocket'] })
    expect(await reason('acme-rocket-2026', rules)).toBe('common')
    expect(await reason('acme-rocket-2026')).toBe('ok')
  })

  test('the host refuses what its own list has', async () => {
    const asked: string[] = []
    const blocklist = async (password: string): Promise<boolean> => {
      asked.push(password)
      return password === GOOD
    }
    const rules = new PasswordRules({ blocklist })
    expect(await reason(GOOD, rules)).toBe('common')
    expect(await reason(`${GOOD}!`, rules)).toBe('ok')
    expect(asked).toEqual([GOOD, `${GOOD}!`])
  })
})

describe('the username', () => {
  test.each([
    ['grace.hopper', 'Grace.Hopper-1906'],
    ['grace.hopper', 'grace.hoppergrace.hopper'],
    ['ada@example.com', 'ada@example.com!'],
    ['lovelace@example.com', 'LoveLace-Lovelace'],
  ])('of %s does not make the password %s', async (username, password) => {
    expect(await reason(password, new PasswordRules(), username)).toBe('username')
  })

  test('it may appear in one', async () => {
    expect(await reason('ada counts to infinity')).toBe('ok')
    expect(await reason('banana bandana', new PasswordRules({ minLength: 8 }), 'a')).toBe('ok')
  })
})

test('every refusal says what to do and does not repeat the password', async () => {
  for (const password of ['kvmx', 'x'.repeat(1_025), 'adaadaadaadaada1', 'qwertyuiopasdfgh', 42]) {
    const outcome = await new PasswordRules().check(password, 'ada')
    expect(outcome).toMatchObject({ ok: false, message: expect.stringMatching(/; (?:give|choose) /) })
    expect(JSON.stringify(outcome)).not.toContain(String(password))
  }
})

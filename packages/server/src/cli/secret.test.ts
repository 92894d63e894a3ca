import { PassThrough, Readable } from 'node:stream'
import { describe, expect, test } from 'vitest'
import type { Cli, InputStream } from './cli.ts'
import { Output } from './output/output.ts'
import { confirm, readSecret } from './secret.ts'

describe('a secret on standard input', () => {
  test.each([
    ['hunter2\n', 'hunter2'],
    ['hunter2\r\n', 'hunter2'],
    ['hunter2', 'hunter2'],
    ['hunter2\nsecond line\n', 'hunter2'],
    [' blanks stay \n', ' blanks stay '],
    ['pässwörd\n', 'pässwörd'],
  ])('%j is its first line: %j', async (text, secret) => {
    await expect(read(Readable.from([Buffer.from(text)]))).resolves.toBe(secret)
  })

  test('may arrive in pieces, also in the middle of a character', async () => {
    const [first, second] = [Buffer.from('pä').subarray(0, 2), Buffer.from('pä\n').subarray(2)]
    await expect(read(Readable.from([first, second]))).resolves.toBe('pä')
  })

  test('is not waited for longer than its line', async () => {
    const input = new PassThrough()
    input.write('token\n')
    await expect(read(input)).resolves.toBe('token')
  })

  test.each([
    ['nothing', '', /the token is empty/],
    ['an empty line', '\nmore\n', /the token is empty/],
    ['too much', 'a'.repeat(4_097), /longer than 4096 bytes/],
    ['far too much, without an end', 'a'.repeat(100_000), /longer than 4096 bytes/],
    ['what is not UTF-8', Buffer.from([0xff, 0x0a]), /not UTF-8/],
  ])('%s is refused with a sentence', async (_, text, sentence) => {
    await expect(read(Readable.from([Buffer.from(text)]))).rejects.toThrow(sentence)
  })

  test('of the longest line that is read is whole', async () => {
    await expect(read(Readable.from([Buffer.from(`${'a'.repeat(4_096)}\r\n`)]))).resolves.toHaveLength(4_096)
  })
})

test('what cannot be taken back needs --yes where nobody can be asked', async () => {
  await expect(confirm(cliWith(Readable.from([])), 'delete everything', false)).rejects.toThrow(
    'this would delete everything; add --yes to go ahead without being asked',
  )
  await expect(confirm(cliWith(Readable.from([])), 'delete everything', true)).resolves.toBe(undefined)
})

function read(input: InputStream): Promise<string> {
  return readSecret(cliWith(input), { name: 'token' })
}

function cliWith(input: InputStream): Cli {
  const output = new Output(new PassThrough(), new PassThrough(), {})
  return { input, output, env: {}, database: { url: ':memory:', source: 'default' }, users: null, exitCode: 0 }
}

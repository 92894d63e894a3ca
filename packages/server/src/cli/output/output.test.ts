import { PassThrough, Writable } from 'node:stream'
import { expect, test } from 'vitest'
import { Failure } from '../failure.ts'
import { Output, PipeClosed } from './output.ts'

test('a result is the text for people, or one JSON document for programs', async () => {
  const { output, stdout } = outputTo()
  await output.result({ active: 3 }, () => '3 active')
  output.isJson = true
  await output.result({ active: 3 }, () => '3 active')
  expect(stdout.read()).toBe('3 active\n{\n  "active": 3\n}\n')
})

test('notes go to standard error, and only to people', () => {
  const { output, stdout, stderr } = outputTo()
  output.note('for a person')
  output.isJson = true
  output.note('for nobody')
  expect([stdout.read(), stderr.read()]).toEqual([null, 'for a person\n'])
})

test('a reader that has gone is no failure of its own, and ends work that would go on', async () => {
  const output = new Output(broken('EPIPE'), new PassThrough(), {})
  await expect(output.write('line\n')).rejects.toThrow(PipeClosed)
  expect(() => output.assertOpen()).toThrow(PipeClosed)
  await expect(output.write('next\n')).rejects.toThrow(PipeClosed)
})

test('output that is lost for another reason is a failure', async () => {
  const output = new Output(broken('ENOSPC'), new PassThrough(), {})
  await expect(output.write('line\n')).rejects.toThrow(Failure)
})

test('the width is that of the terminal, else of $COLUMNS, else without limit', () => {
  const terminal = Object.assign(new PassThrough(), { isTTY: true, columns: 132 })
  expect(new Output(terminal, new PassThrough(), { COLUMNS: '60' }).width).toBe(132)
  expect(outputTo({ COLUMNS: '60' }).output.width).toBe(60)
  expect(outputTo({ COLUMNS: 'wide' }).output.width).toBe(null)
  expect(outputTo().output.width).toBe(null)
})

function outputTo(env: NodeJS.ProcessEnv = {}) {
  const stdout = new PassThrough({ encoding: 'utf8' })
  const stderr = new PassThrough({ encoding: 'utf8' })
  return { output: new Output(stdout, stderr, env), stdout, stderr }
}

function broken(code: string): Writable {
  return new Writable({ write: (_chunk, _encoding, done) => done(Object.assign(new Error(code), { code })) })
}

import { PassThrough } from 'node:stream'
import { expect, test } from 'vitest'
import { Output } from './output.ts'
import { Progress, progressLine } from './progress.ts'

test('a bar says how much of how many is done', () => {
  expect(progressLine('ending', 500, 1_000)).toBe('ending ████████████░░░░░░░░░░░░  50 %  500 of 1,000')
  expect(progressLine('ending', 0, 0)).toBe('ending ████████████████████████ 100 %  0 of 0')
  expect(progressLine('ending', 12, 10)).toContain('100 %')
})

test('a bar is drawn on a terminal, and taken away at the end', () => {
  const { progress, written } = barOn({ isTTY: true })
  progress.update(1, 2)
  progress.update(2, 2)
  progress.finish()
  expect(written()).toContain('1 of 2')
  expect(written()).toContain('2 of 2')
  expect(written().endsWith('\r\u001b[2K')).toBe(true)
})

test('nothing is drawn where standard error is no terminal, nor for programs that read JSON', () => {
  for (const { progress, written } of [barOn({ isTTY: false }), barOn({ isTTY: true, isJson: true })]) {
    progress.update(1, 2)
    progress.finish()
    expect({ isSeen: progress.isSeen, written: written() }).toEqual({ isSeen: false, written: '' })
  }
})

function barOn({ isTTY, isJson = false }: { isTTY: boolean; isJson?: boolean }) {
  const stderr = Object.assign(new PassThrough({ encoding: 'utf8' }), { isTTY })
  const output = new Output(new PassThrough(), stderr, {})
  output.isJson = isJson
  let text = ''
  stderr.on('data', (piece: string) => (text += piece))
  return {
    progress: new Progress(output, 'ending'),
    written: () => text + String(stderr.read() ?? ''),
  }
}

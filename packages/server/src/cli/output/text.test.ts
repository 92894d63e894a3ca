import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { counted, displayWidth, figure, instant, minute, pad, safeJson, shorten, visible, wrap } from './text.ts'

describe('text from outside', () => {
  test('is shown as it is when it is harmless', () => {
    expect(visible('Ada Łoś 東京 👩‍🚀'.replace('\u200d', ''))).toBe('Ada Łoś 東京 👩🚀')
  })

  test('cannot colour, move the cursor, hide or reorder', () => {
    expect(visible('\u001b[31mred')).toBe('\\u{1b}[31mred')
    expect(visible('\u009b2J')).toBe('\\u{9b}2J')
    expect(visible('a\r\nb\tc\u0007')).toBe('a\\u{d}\\u{a}b\\u{9}c\\u{7}')
    expect(visible('nimda\u202e')).toBe('nimda\\u{202e}')
    expect(visible('a\u200bb\u2028c')).toBe('a\\u{200b}b\\u{2028}c')
    expect(visible('\ud800')).toBe('\\u{d800}')
  })

  test('has no control character left, whatever it was', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        expect(visible(text)).not.toMatch(/[\p{C}\p{Zl}\p{Zp}]/u)
      }),
    )
  })
})

describe('the width of text', () => {
  test.each([
    ['abc', 3],
    ['東京', 4],
    ['한국', 4],
    ['ｆｕｌｌ', 8],
    ['é', 1],
    ['e\u0301', 1],
    ['🙂', 2],
    ['❤\ufe0f', 2],
    ['🇵🇱', 2],
    ['…', 1],
    ['', 0],
  ])('%s takes %i columns', (text, width) => {
    expect(displayWidth(text)).toBe(width)
  })

  test('is never exceeded by what is shortened, and no character is cut in half', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), fc.integer({ min: 0, max: 30 }), (text, columns) => {
        const short = shorten(visible(text), columns)
        expect(displayWidth(short)).toBeLessThanOrEqual(columns)
        expect(short.isWellFormed()).toBe(true)
      }),
    )
  })

  test('is reached by padding, on either side', () => {
    expect(pad('東', 4)).toBe('東  ')
    expect(pad('12', 4, 'right')).toBe('  12')
    expect(pad('long', 2)).toBe('long')
  })

  test('shortened text ends in an ellipsis', () => {
    expect(shorten('Firefox on Windows', 10)).toBe('Firefox o…')
    expect(shorten('東京都', 4)).toBe('東…')
    expect(shorten('whole', 5)).toBe('whole')
  })
})

test('text is wrapped at blanks, and a longer word has a line to itself', () => {
  expect(wrap('one two three', 7)).toEqual(['one two', 'three'])
  expect(wrap('a veryverylongword b', 6)).toEqual(['a', 'veryverylongword', 'b'])
  expect(wrap('', 6)).toEqual([''])
})

test('instants are ISO 8601 in UTC, to the second or to the minute', () => {
  const at = new Date('2026-11-23T18:04:36.997Z')
  expect([instant(at), minute(at)]).toEqual(['2026-11-23T18:04:36Z', '2026-11-23T18:04Z'])
})

test('figures and counts read as a person would write them', () => {
  expect([figure(1_234_567), counted(1, 'session'), counted(0, 'session'), counted(1_200, 'session')]).toEqual([
    '1,234,567',
    '1 session',
    '0 sessions',
    '1,200 sessions',
  ])
})

describe('JSON', () => {
  test('drives no terminal and keeps every value', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        const json = safeJson({ text }, 2)
        expect(JSON.parse(json)).toEqual({ text })
        expect(json.replaceAll('\n', '')).not.toMatch(/[\p{C}\p{Zl}\p{Zp}]/u)
      }),
    )
  })

  test('writes dates as ISO 8601 in UTC', () => {
    expect(safeJson({ at: new Date(0) })).toBe('{"at":"1970-01-01T00:00:00.000Z"}')
  })
})

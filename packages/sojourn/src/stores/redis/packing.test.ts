import { expect, test } from 'vitest'
import { Unpacker, pack } from './packing.ts'

const NUMBERS = [0, 1, 127, 128, 255, 2 ** 31, 2 ** 32 - 1, 2 ** 32, 2 ** 32 + 1, 1.7e12, Number.MAX_SAFE_INTEGER]
const LENGTHS = [0, 1, 31, 32, 255, 256, 511, 512, 65_535]

test('whole numbers come back as they were packed, below zero as well', () => {
  const numbers = [...NUMBERS, ...NUMBERS.slice(1).map((number) => -number)]
  const packed = new Unpacker(pack(numbers), numbers.length)
  expect(numbers.map(() => packed.number())).toEqual(numbers)
})

test('text and bytes of any length come back as they were packed', () => {
  const texts = LENGTHS.flatMap((length) => ['a'.repeat(length), 'ü'.repeat(Math.floor(length / 2))])
  const packed = new Unpacker(pack(texts), texts.length)
  expect(texts.map(() => packed.text())).toEqual(texts)
  const all = LENGTHS.map((length) => Uint8Array.from({ length }, (_, place) => place))
  const inBytes = new Unpacker(pack(all), all.length)
  expect(all.map(() => [...inBytes.bytes()])).toEqual(all.map((bytes) => [...bytes]))
})

test('nothing comes back as nothing, among values and beside an empty text', () => {
  const packed = new Unpacker(pack([null, '', null, 5, null]), 5)
  expect([packed.textOrNull(), packed.textOrNull(), packed.bytesOrNull()]).toEqual([null, '', null])
  expect([packed.numberOrNull(), packed.numberOrNull()]).toEqual([5, null])
})

test('bytes that end too early, or are a list of another length, are refused', () => {
  const packed = pack(['text', 'more'])
  const early = new Unpacker(packed.subarray(0, -1), 2)
  expect(early.text()).toBe('text')
  expect(() => early.text()).toThrow(RangeError)
  expect(() => new Unpacker(packed, 3)).toThrow('a list of 2 where one of 3')
})

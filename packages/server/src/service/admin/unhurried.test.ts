import { expect, test } from 'vitest'
import { Unhurried } from './unhurried.ts'

function start(took: number) {
  let clock = 0
  let finds = 0
  let isBroken = false
  const figure = new Unhurried(
    async () => {
      clock += took
      finds += 1
      if (isBroken) throw new Error('the store does not answer')
      return finds
    },
    () => clock,
  )
  return {
    figure,
    pass: (span: number) => (clock += span),
    breakDown: (broken: boolean) => (isBroken = broken),
  }
}

test('what is found quickly is found anew each time', async () => {
  const { figure } = start(10)
  expect([await figure.value(), await figure.value(), await figure.value()]).toEqual([1, 2, 3])
})

test('what takes long is answered as it was, and looked for meanwhile, one part in a hundred of the time', async () => {
  const { figure, pass } = start(11)
  expect([await figure.value(), await figure.value()]).toEqual([1, 1])
  pass(1_099)
  expect(await figure.value()).toBe(1)
  pass(1)
  expect([await figure.value(), await figure.value(), await figure.value()]).toEqual([1, 2, 2])
})

test('those who ask at once are answered by one search', async () => {
  const { figure } = start(10)
  expect(await Promise.all([figure.value(), figure.value()])).toEqual([1, 1])
})

test('where it cannot be found whoever asks next is told so, and nobody is answered with what is too old', async () => {
  const { figure, pass, breakDown } = start(20)
  await figure.value()
  breakDown(true)
  pass(2_000)
  expect(await figure.value()).toBe(1)
  await expect(figure.value()).rejects.toThrow('does not answer')
  breakDown(false)
  expect(await figure.value()).toBe(3)
})

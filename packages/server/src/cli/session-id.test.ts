import { describe, expect, test } from 'vitest'
import { sessionIdOf } from './session-id.ts'

const ID = '0192f0c1-7a53-7cc4-9a41-5d0c8f3b2e11'

describe('an id', () => {
  test('is taken as it was pasted, with blanks around it and in any case', () => {
    expect(sessionIdOf(ID)).toBe(ID)
    expect(sessionIdOf(` ${ID.toUpperCase()}\n`)).toBe(ID)
  })

  test.each([
    ['', /it is empty/],
    ['0192f0c1-7a53 -7cc4-9a41-5d0c8f3b2e1', /blanks inside/],
    ['nope', /it has 4 characters/],
    [ID.replace('7cc4', '1cc4'), /other characters/],
  ])('%j is none, and the sentence says why without repeating it', (typed, sentence) => {
    expect(() => sessionIdOf(typed)).toThrow(sentence)
    if (typed !== '') expect(() => sessionIdOf(typed)).toThrow(expect.not.stringContaining(`'${typed}'`))
  })
})

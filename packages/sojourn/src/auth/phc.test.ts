import { describe, expect, test } from 'vitest'
import { COST_LIMIT, formatPhc, parsePhc } from './phc.ts'

const SALT = 'AAECAwQFBgcICQoLDA0ODw'
const TAG = 'AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8'
const GOOD = `$argon2id$v=19$m=47104,t=2,p=1$${SALT}$${TAG}`

test('a hash is read back as it was written', () => {
  const hash = parsePhc(GOOD)
  expect(hash).toMatchObject({ memory: 47_104, passes: 2, parallelism: 1 })
  expect(hash?.salt).toHaveLength(16)
  expect(hash?.tag).toHaveLength(32)
  expect(formatPhc(hash!)).toBe(GOOD)
})

describe('anything but the one spelling is not understood', () => {
  test.each([
    ['nothing', ''],
    ['a placeholder', '!'],
    ['another algorithm', GOOD.replace('argon2id', 'argon2i')],
    ['another version', GOOD.replace('v=19', 'v=16')],
    ['no version', GOOD.replace('$v=19', '')],
    ['another order', GOOD.replace('m=47104,t=2', 't=2,m=47104')],
    ['leading zeros', GOOD.replace('t=2', 't=02')],
    ['a sign', GOOD.replace('t=2', 't=+2')],
    ['a space before it', ` ${GOOD}`],
    ['a new line after it', `${GOOD}\n`],
    ['padding', `${GOOD}=`],
    ['the URL alphabet', GOOD.replace(SALT, SALT.replace('AAEC', '-_EC'))],
    ['spare bits in the salt', GOOD.replace(SALT, SALT.replace(/w$/, 'x'))],
    ['spare bits in the tag', GOOD.replace(/8$/, '9')],
    ['no tag', GOOD.replace(TAG, '')],
    ['a short tag', GOOD.replace(TAG, 'AAEC')],
    ['a short salt', GOOD.replace(SALT, 'AAEC')],
    ['a further part', `${GOOD}$AAEC`],
    ['a key id', GOOD.replace('p=1', 'p=1,keyid=AAEC')],
  ])('%s', (_, text) => {
    expect(parsePhc(text)).toBeNull()
  })
})

test('a hash that was planted cannot ask for more memory, passes or lanes than the limit', () => {
  expect(parsePhc(GOOD.replace('m=47104', `m=${COST_LIMIT.memory}`))).not.toBeNull()
  expect(parsePhc(GOOD.replace('m=47104', `m=${COST_LIMIT.memory + 1}`))).toBeNull()
  expect(parsePhc(GOOD.replace('m=47104', 'm=104857600'))).toBeNull()
  expect(parsePhc(GOOD.replace('t=2', `t=${COST_LIMIT.passes}`))).not.toBeNull()
  expect(parsePhc(GOOD.replace('t=2', `t=${COST_LIMIT.passes + 1}`))).toBeNull()
  expect(parsePhc(GOOD.replace('p=1', `p=${COST_LIMIT.parallelism + 1}`))).toBeNull()
})

test('a hash with less memory than its lanes need is not understood', () => {
  expect(parsePhc(GOOD.replace('m=47104,t=2,p=1', 'm=31,t=2,p=4'))).toBeNull()
})

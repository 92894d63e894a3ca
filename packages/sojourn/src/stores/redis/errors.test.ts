import { expect, test } from 'vitest'
import { SojournError } from '../../core/errors.ts'
import { meaningOf } from './errors.ts'

test.each([
  ['OOM command not allowed when used memory > maxmemory', 'store_full', 'ending sessions still works'],
  ['MISCONF Errors writing to the AOF file: No space left on device', 'store_unavailable', 'cannot write to its disk'],
  ["READONLY You can't write against a read only replica.", 'store_unavailable', 'connect to the primary'],
  ['LOADING Redis is loading the dataset in memory', 'store_unavailable', 'still loading'],
  ['CLUSTERDOWN Hash slot not served', 'store_unavailable', 'no server holds'],
  ['NOREPLICAS Not enough good replicas to write.', 'store_unavailable', 'min-replicas-to-write'],
  ['INDEX lost script: 1, on @user_script:9.', 'store_unavailable', 'nobody deletes them'],
  ['MOVED 7 127.0.0.1:6379', 'store_unavailable', 'createCluster'],
  ['NOAUTH Authentication required.', 'store_unavailable', 'asks for a password'],
  ['NOPERM this user has no permissions', 'store_unavailable', 'does not let this account'],
  ['WRONGTYPE Operation against a key', 'store_corrupt', 'a prefix of their own'],
  ['ERR Bad data format in input. script: 1, on @user_script:9.', 'store_corrupt', 'is no session'],
  ['ERR Script attempted to access a non local key, on @user_script:3.', 'store_unavailable', 'moving keys'],
  [
    "ERR Unable to execute command 'exists' in script because undeclared keys were accessed during rehashing of the slot, on @user_script:3.",
    'store_unavailable',
    'moving keys',
  ],
  ['Socket closed unexpectedly', 'store_unavailable', 'nothing is known'],
])('%s is %s', (message, code, says) => {
  const cause = new Error(message)
  expect(meaningOf(cause)).toMatchObject({ code, cause, message: expect.stringContaining(says) })
})

test('an error of ours stays what it is', () => {
  const error = new SojournError('closed', 'it was closed')
  expect(meaningOf(error)).toBe(error)
})

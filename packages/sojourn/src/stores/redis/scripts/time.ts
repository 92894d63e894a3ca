import { scriptOfServer } from './script.ts'

/**
 * What time it is for the server that holds a partition. A script and no plain command, which a client of a cluster
 * would send to any server, as it names no key.
 */
export const TIME = scriptOfServer(`
-- KEYS[1] the partition
-- Result: milliseconds since 1970
local now = redis.call('TIME')
return now[1] * 1000 + math.floor(now[2] / 1000)`)

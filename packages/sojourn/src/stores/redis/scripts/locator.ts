import { scriptWhenFull } from './script.ts'

/** Takes back where a session was going to be. */
export const WITHDRAW = scriptWhenFull(`
-- KEYS[1] where the partition of a session is kept
-- Result: 1 if it was taken back, 0 if it had been confirmed or was gone
if redis.call('PTTL', KEYS[1]) <= 0 then return 0 end
return redis.call('DEL', KEYS[1])`)

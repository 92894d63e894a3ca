import { scriptWhenFull } from './script.ts'
import { SESSIONS } from './sessions.ts'

/** `Store.get` of several at once, as little as it takes: each session, and the epoch of its user. */
export const GET = scriptWhenFull(`
-- KEYS[1] the partition · ARGV the ids
-- Result: for each the session, packed; nothing; 1 when its user's epoch was raised and nobody has written down yet that
-- it ended; or 2 when what is there cannot be read, which is nobody else's trouble
local base, epochs, result = KEYS[1], {}, {}

local function read(id)
  local packed = redis.call('GET', base .. 'session:' .. id)
  if not packed then return false end
  local record = cmsgpack.unpack(packed)
  if record[15] then return packed end
  local user = record[2]
  epochs[user] = epochs[user] or tonumber(redis.call('HGET', base .. 'user:' .. user, 'epoch') or 0)
  return record[22] < epochs[user] and 1 or packed
end

for place, id in ipairs(ARGV) do
  local isReadable, answer = pcall(read, id)
  if isReadable then result[place] = answer else result[place] = 2 end
end
return result`)

/** Ends a session whose user's epoch was raised, and reads it. */
export const SETTLE = scriptWhenFull(
  `
-- KEYS[1] the partition · ARGV[1] its number · [2] the id
-- Result: the session, packed, or nothing`,
  SESSIONS,
  `
local record = load(ARGV[2])
return record and cmsgpack.pack(record)`,
)

import { scriptWhenFull } from './script.ts'
import { SESSIONS } from './sessions.ts'

/** `Store.get` of several at once, as little as it takes: each session, and the epoch of its user. */
export const GET = scriptWhenFull(`
-- KEYS[1] the partition · ARGV the ids
-- Result: for each the session, packed; nothing; 1 when its user's epoch was raised and nobody has written down yet that
-- it ended; or 2 when what is there cannot be read, which is nobody else's trouble
local base, call, epochs, keys = KEYS[1], redis.call, {}, {}

local function judge(packed)
  -- Of the list, which begins at 3, only the first two: the id and the user.
  local _, _, user = cmsgpack.unpack_limit(packed, 2, 3)
  epochs[user] = epochs[user] or tonumber(call('HGET', base .. 'user:' .. user, 'epoch') or 0)
  if epochs[user] == 0 then return packed end
  local record = cmsgpack.unpack(packed)
  return (record[15] or record[22] >= epochs[user]) and packed or 1
end

for place, id in ipairs(ARGV) do keys[place] = base .. 'session:' .. id end
local result = call('MGET', unpack(keys))
for place, packed in ipairs(result) do
  local isReadable, answer
  if packed then isReadable, answer = pcall(judge, packed)
  -- To MGET what is no text is not there, to GET it is an error.
  else isReadable, answer = pcall(call, 'GET', keys[place]) end
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

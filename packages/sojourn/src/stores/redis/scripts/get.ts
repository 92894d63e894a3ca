import { INDEXES } from './indexes.ts'
import { scriptWhenFull } from './script.ts'
import { SESSIONS } from './sessions.ts'

/** `Store.get`, as little as it takes: one session, and the epoch of its user. */
export const GET = scriptWhenFull(`
-- KEYS[1] the partition · ARGV[1] the id
-- Result: the session, packed; nothing; or 1 when its user's epoch was raised and nobody has ended it yet
local packed = redis.call('GET', KEYS[1] .. 'session:' .. ARGV[1])
if not packed then return false end
local record = cmsgpack.unpack(packed)
if record[15] then return packed end
local epoch = redis.call('HGET', KEYS[1] .. 'user:' .. record[2], 'epoch')
if record[22] < tonumber(epoch or 0) then return 1 end
return packed`)

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

/** Makes indexes again from the sessions themselves, some at a time. */
export const REBUILD = scriptWhenFull(
  `
-- KEYS[1] the partition · ARGV[1] its number · [2] where to go on, '0' to begin · [3] how many keys to look at
-- Result: { where to go on, '0' when all were seen, { id, user, username } of each that a raised epoch had ended, … }
-- The keys are those of a whole server, so other partitions and other people's are passed over.`,
  SESSIONS,
  INDEXES,
  `
local own = base .. 'session:'
local pattern = string.gsub(own, '[%*%?%[%]\\\\]', '\\\\%0') .. '*'
local found = call('SCAN', ARGV[2], 'MATCH', pattern, 'COUNT', ARGV[3])
local result = { found[1] }
for _, key in ipairs(found[2]) do
  local record, isEnded = load(string.sub(key, #own + 1))
  if record then index(record) end
  if isEnded then table.insert(result, named(record)) end
end
return result`,
)

/** After a rebuild: makes the counts of a user say what the indexes hold. */
export const RECOUNT = scriptWhenFull(
  `
-- KEYS[1] the partition · ARGV[1] its number · [2] a user whose count was wrong, or ''
-- Result: nothing`,
  SESSIONS,
  `
local function agree(counts, held)
  local count = call('ZCARD', base .. held .. ARGV[2])
  if count == 0 then call('ZREM', base .. counts, ARGV[2]) else call('ZADD', base .. counts, count, ARGV[2]) end
end
if ARGV[2] ~= '' then
  agree('users', 'all:user:')
  agree('open:users', 'open:user:')
end
return false`,
)

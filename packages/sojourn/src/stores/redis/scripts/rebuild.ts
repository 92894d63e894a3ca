import { INDEXES } from './indexes.ts'
import { scriptWhenFull } from './script.ts'
import { SESSIONS } from './sessions.ts'

/**
 * `agree(held, whose)` makes the count of a user or a name say what their index holds, `recount(user, name)` all of theirs. Builds on
 * `SESSIONS`.
 */
const RECOUNTING = `
local COUNTS = { ['all:user:'] = 'users', ['open:user:'] = 'open:users', ['all:name:'] = 'names' }

local function agree(held, whose)
  local counts, count = COUNTS[held], call('ZCARD', base .. held .. whose)
  local known = tonumber(call('ZSCORE', base .. counts, whose) or 0)
  if count == known then return end
  if count > 0 then call('ZADD', base .. counts, count, whose) else call('ZREM', base .. counts, whose) end
  if count == 0 then total(counts, -1) elseif known == 0 then total(counts, 1) end
end

local function recount(user, name)
  agree('all:user:', user)
  agree('open:user:', user)
  agree('all:name:', name)
end
`

/**
 * Before everything is gone through: what the indexes hold becomes the totals, which from here on follow every write. So
 * what is lost later shows, and what was lost before is found by going through everything.
 */
export const BEGIN_MENDING = scriptWhenFull(
  `
-- KEYS[1] the partition · ARGV[1] its number · [2] a user and [3] a username whose indexes are needed, or ''
-- Result: what it is called that begins here, or that somebody else began; or nothing where all is well
-- Where only those of one user or name contradict each other the totals are as good as ever: 'kept'.`,
  SESSIONS,
  INDEXES,
  `
local kept, mending, agrees = accord()
if agrees and kept then
  return not areCounted(ARGV[2] ~= '' and ARGV[2], ARGV[3] ~= '' and ARGV[3]) and 'kept'
end
if agrees and mending then return mending end
local time = call('TIME')
local name = time[1] .. '.' .. time[2]
call('HDEL', base .. 'totals', 'kept')
call('HSET', base .. 'totals', 'mending', name, 'all', size('all:created'), 'open', size('open:created'),
  'users', size('users'), 'names', size('names'), 'open:users', size('open:users'))
return name`,
)

/** After it: if nothing has been lost since it began, the totals are to be relied upon. */
export const END_MENDING = scriptWhenFull(
  `
-- KEYS[1] the partition · ARGV[1] its number · [2] what it is called
-- Result: 'whole'; 'again' where somebody else has begun since; 'apart' where the indexes do not agree`,
  SESSIONS,
  INDEXES,
  `
local kept, mending, agrees = accord()
if kept and agrees then return 'whole' end
if mending ~= ARGV[2] then return 'again' end
if not agrees then return 'apart' end
call('HDEL', base .. 'totals', 'mending')
call('HSET', base .. 'totals', 'kept', 1)
return 'whole'`,
)

/** Makes indexes again from the sessions themselves, some at a time. */
export const REBUILD = scriptWhenFull(
  `
-- KEYS[1] the partition · ARGV[1] its number · [2] where to go on, '0' to begin · [3] how many keys to look at
-- Result: { where to go on, '0' when all were seen, { id, user, username } of each that a raised epoch had ended, … }
-- The keys are those of a whole server, so other partitions and other people's are passed over.`,
  SESSIONS,
  INDEXES,
  RECOUNTING,
  `
local own = base .. 'session:'
local pattern = string.gsub(own, '[%*%?%[%]\\\\]', '\\\\%0') .. '*'
local found = call('SCAN', ARGV[2], 'MATCH', pattern, 'COUNT', ARGV[3])
local result = { found[1] }
for _, key in ipairs(found[2]) do
  local record, isEnded = load(string.sub(key, #own + 1))
  if record then
    index(record)
    if record[END_REASON] then close(record) end
    recount(record[USER_ID], record[USERNAME])
  end
  if isEnded then table.insert(result, named(record)) end
end
return result`,
)

/** Whether there is nothing more to mend. */
export const IS_WHOLE = scriptWhenFull(
  `
-- KEYS[1] the partition · ARGV[1] its number · [2] a user and [3] a username whose indexes are needed, or ''
-- Result: 1 if the indexes agree, 0 if some have what others have not`,
  SESSIONS,
  INDEXES,
  `
return pcall(assertWhole, ARGV[2] ~= '' and ARGV[2], ARGV[3] ~= '' and ARGV[3]) and 1 or 0`,
)

/** Takes out of an index what is no session, or of those of open ones what has ended; makes counts agree. Some at a time. */
export const SWEEP = scriptWhenFull(
  `
-- KEYS[1] the partition · ARGV[1] its number · [2] the index, or the counts of one kind · [3] where to go on, '0' to begin
-- ARGV[4] how many to look at
-- Result: { where to go on, '0' at the end, { id, user, username } of each that a raised epoch had ended, … }`,
  SESSIONS,
  INDEXES,
  RECOUNTING,
  `
local name, isOpen = ARGV[2], string.sub(ARGV[2], 1, 5) == 'open:'
local counted
for held, counts in pairs(COUNTS) do if counts == name then counted = held end end
local found = call('ZSCAN', base .. name, ARGV[3], 'COUNT', ARGV[4])
local result = { found[1] }
for place = 1, #found[2], 2 do
  local member = found[2][place]
  if counted then agree(counted, member)
  else
    local record, isEnded = load(member)
    if not record then call('ZREM', base .. name, member)
    elseif isOpen and record[END_REASON] then close(record) end
    if isEnded then table.insert(result, named(record)) end
  end
end
for held in pairs(COUNTS) do
  if string.sub(name, 1, #held) == held then agree(held, string.sub(name, #held + 1)) end
end
return result`,
)

/** The indexes of single users and names, some at a time. */
export const OWN_INDEXES = scriptWhenFull(
  `
-- KEYS[1] the partition · ARGV[1] its number · [2] where to go on, '0' to begin · [3] how many keys to look at
-- Result: { where to go on, '0' when all were seen, the name of each, … }`,
  SESSIONS,
  RECOUNTING,
  `
local pattern = string.gsub(base, '[%*%?%[%]\\]', '\\%0') .. '*'
local found = call('SCAN', ARGV[2], 'MATCH', pattern, 'COUNT', ARGV[3], 'TYPE', 'zset')
local result = { found[1] }
for _, key in ipairs(found[2]) do
  local name = string.sub(key, #base + 1)
  for held in pairs(COUNTS) do
    if string.sub(name, 1, #held) == held then table.insert(result, name) end
  end
end
return result`,
)

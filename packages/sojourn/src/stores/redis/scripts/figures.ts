import { INDEXES } from './indexes.ts'
import { scriptWhenFull } from './script.ts'
import { SESSIONS } from './sessions.ts'

/** Open sessions that do not stand any more, of whom there are few: clean-up ends them. */
export const FALLEN = scriptWhenFull(
  `
-- KEYS[1] the partition · ARGV[1] its number · [2] the index of open sessions · [3] the latest instant that is too early
-- ARGV[4] the instant and [5] the id to go on after, '' to begin · [6] how many to look at
-- Result: { where to go on or nothing, { id, user }, … }`,
  SESSIONS,
  INDEXES,
  `
assertWhole(false)
local ids, more = walk(base .. ARGV[2], false, '-inf', ARGV[3], ARGV[4], ARGV[5], tonumber(ARGV[6]))
local result = { more }
for _, id in ipairs(ids) do
  local record = visit(id, false)
  if record and not record[END_REASON] then table.insert(result, { id, record[USER_ID] }) end
end
return result`,
)

/** The figures of a partition. */
export const FIGURES = scriptWhenFull(
  `
-- KEYS[1] the partition · ARGV[1] its number · [2] since when a session is new
-- Result: { sessions, open sessions, new sessions, users with open sessions, the most sessions of a user }, and then
-- the user with that many who signed in last: { user, username, created }`,
  SESSIONS,
  INDEXES,
  `
assertWhole(false)
local top = call('ZREVRANGE', base .. 'users', 0, 0, 'WITHSCORES')
local result = {
  size('all:created'), size('open:created'), call('ZCOUNT', base .. 'all:created', ARGV[2], '+inf'), size('open:users'),
  tonumber(top[2] or 0)
}
if not top[1] then return result end

local function latest(user)
  local id = call('ZREVRANGE', base .. 'all:user:' .. user, 0, 0)[1]
  local record = id and load(id)
  return record and { user, record[USERNAME], string.format('%.0f', record[CREATED_AT]) }
end
-- Of few who have so many, each is asked; of many, one is among the latest logins.
local equals = call('ZRANGEBYSCORE', base .. 'users', top[2], '+inf', 'LIMIT', 0, 101)
if #equals > 100 then
  for _, id in ipairs(call('ZREVRANGE', base .. 'all:created', 0, 999)) do
    local record = load(id)
    if record and call('ZSCORE', base .. 'users', record[USER_ID]) == top[2] then
      equals = { record[USER_ID] }
      break
    end
  end
end
local most
for _, user in ipairs(equals) do
  local candidate = latest(user)
  if candidate and (not most or tonumber(candidate[3]) > tonumber(most[3])) then most = candidate end
end
table.insert(result, most)
return result`,
)

/** How many of these users have no open session but those that do not stand any more. */
export const ABSENT = scriptWhenFull(
  `
-- KEYS[1] the partition · ARGV[1] its number · [2] { { user, how many of theirs do not stand }, … }, packed
-- Result: how many`,
  SESSIONS,
  `
local absent = 0
for _, each in ipairs(cmsgpack.unpack(ARGV[2])) do
  local open = tonumber(call('ZSCORE', base .. 'open:users', each[1]) or 0)
  if open > 0 and open <= each[2] then absent = absent + 1 end
end
return absent`,
)

/** `Store.latestInstant` of a partition. */
export const LATEST = scriptWhenFull(
  `
-- KEYS[1] the partition · ARGV[1] its number
-- Result: the instant of the latest event and that of the latest use, as text`,
  SESSIONS,
  `
return {
  call('ZREVRANGE', base .. 'events:at', 0, 0, 'WITHSCORES')[2] or '0',
  call('ZREVRANGE', base .. 'all:accessed', 0, 0, 'WITHSCORES')[2] or '0'
}`,
)

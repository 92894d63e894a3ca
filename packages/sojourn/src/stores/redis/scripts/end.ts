import { INDEXES } from './indexes.ts'
import { scriptWhenFull } from './script.ts'
import { SESSIONS } from './sessions.ts'

/** `Store.revoke` of ids. */
export const END = scriptWhenFull(
  `
-- KEYS[1] the partition · ARGV[1] its number · [2] { id, … }, packed · [3] the mark, packed · [4] how many at most
-- ARGV[5] only those that stand by { endsAfter, accessedAfter, authenticatedAfter }, packed, or nothing for all
-- Result: { { id, user, username } of each that this call ended, … }`,
  SESSIONS,
  `
local mark, ended = markOf(ARGV[3]), {}
local since = ARGV[5] and cmsgpack.unpack(ARGV[5])
for _, id in ipairs(cmsgpack.unpack(ARGV[2])) do
  if #ended == tonumber(ARGV[4]) then break end
  local record = load(id)
  if record and not record[END_REASON] and (not since or stands(record, unpack(since))) then
    finish(record, mark)
    table.insert(ended, named(record))
  end
end
return ended`,
)

/**
 * `Store.revoke` of a user: raising the epoch ends all of their sessions at once, whatever the indexes say. What is
 * still open in the index is written down as ended, as many as fit into one call.
 */
export const RAISE = scriptWhenFull(
  `
-- KEYS[1] the partition of the user · ARGV[1] its number · [2] the user · [3] the session to spare, or ''
-- ARGV[4] the mark, packed · [5] how many to write down · [6] the epoch to raise it to unless it is there, or ''
-- Result: { the epoch, 1 if the index of the user was lost, 1 if there is more to write down, { id, user, username }, … },
-- or nothing for an unknown user or one who had that epoch`,
  SESSIONS,
  INDEXES,
  `
local user, mark, key = ARGV[2], markOf(ARGV[4]), base .. 'user:' .. ARGV[2]
if not epochOf(user).isKnown then
  assertWhole(user)
  if size('all:user:' .. user) == 0 then return false end
end
local before = epochOf(user).number
local epoch = ARGV[6] == '' and before + 1 or tonumber(ARGV[6])
if epoch <= before then return false end
local spared = ARGV[3] ~= '' and load(ARGV[3])
call('HDEL', key, 'ip', 'detail')
call('HSET', key, 'epoch', epoch, 'raised_at', mark.at, 'raised_by', mark.actor, 'reason', mark.reason)
if mark.ip then call('HSET', key, 'ip', mark.ip) end
if mark.detail then call('HSET', key, 'detail', mark.detail) end
epochs[user] = { number = epoch, mark = mark }
if spared and not spared[END_REASON] and spared[USER_ID] == user then
  spared[EPOCH] = epoch
  save(spared)
end

local isWhole = pcall(assertWhole, user)
local ids, more = walk(base .. 'open:user:' .. user, false, '-inf', '+inf', '', '', tonumber(ARGV[5]))
local result = { epoch, isWhole and 0 or 1, more and 1 or 0 }
for _, id in ipairs(ids) do
  local record, isEnded = visit(id, user)
  if isEnded then table.insert(result, named(record)) end
end
tell('user_sessions_ended', mark, nil, user)
return result`,
)

/** Writes down as ended what a raised epoch has ended, some at a time. */
export const WRITE_DOWN = scriptWhenFull(
  `
-- KEYS[1] the partition of the user · ARGV[1] its number · [2] the user · [3] how many to look at
-- ARGV[4] where to go on: the instant · [5] and the id, '' to begin
-- Result: { where to go on or nothing, { id, user, username } of each, … }`,
  SESSIONS,
  INDEXES,
  `
local ids, more = walk(base .. 'open:user:' .. ARGV[2], false, '-inf', '+inf', ARGV[4], ARGV[5], tonumber(ARGV[3]))
local result = { more }
for _, id in ipairs(ids) do
  local record, isEnded = visit(id, ARGV[2])
  if isEnded then table.insert(result, named(record)) end
end
return result`,
)

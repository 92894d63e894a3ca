import { INDEXES } from './indexes.ts'
import { scriptWhenFull } from './script.ts'
import { SESSIONS } from './sessions.ts'

/** A stretch of `Store.changes`. */
export const CHANGES = scriptWhenFull(
  `
-- KEYS[1] the partition · ARGV[1] its number · [2] the position to go on after · [3] how many at most
-- Result: { { position, fields }, … }
`,
  SESSIONS,
  `
return call('XRANGE', base .. 'events', '(' .. ARGV[2] .. '-0', '+', 'COUNT', ARGV[3])`,
)

/** The position of the newest event of a partition. */
export const POSITION = scriptWhenFull(
  `
-- KEYS[1] the partition · ARGV[1] its number
-- Result: the position, as text`,
  SESSIONS,
  `
return string.format('%.0f', newestPosition())`,
)

/** A stretch of `Store.events`, newest first. */
export const EVENTS = scriptWhenFull(
  `
-- KEYS[1] the partition · ARGV[1] its number · [2] the index to look in, or '' for the whole history
-- ARGV[3] only positions before this one, or '' · [4] the user, [5] the types between commas, [6] the earliest instant, or '' for any
-- ARGV[7] how many to look at · [8] how many to find
-- Result: { the position to go on before, or nothing at the end, { position, fields }, … }`,
  SESSIONS,
  `
local most, wanted = tonumber(ARGV[7]), tonumber(ARGV[8])
local found = {}
local recent = ARGV[2] == '' and ARGV[6] ~= '' and call('ZRANGEBYSCORE', base .. 'events:at', ARGV[6], '+inf', 'LIMIT', 0, most)
if recent and #recent < most then
  -- Few are recent enough; there is no need to go through all that is older.
  table.sort(recent, function(a, b) return tonumber(a) > tonumber(b) end)
  for _, position in ipairs(recent) do
    if ARGV[3] == '' or tonumber(position) < tonumber(ARGV[3]) then
      table.insert(found, call('XRANGE', base .. 'events', position .. '-0', position .. '-0')[1])
    end
  end
elseif ARGV[2] == '' then
  local newest = ARGV[3] == '' and '+' or '(' .. ARGV[3] .. '-0'
  found = call('XREVRANGE', base .. 'events', newest, '-', 'COUNT', most)
else
  local newest = ARGV[3] == '' and '+inf' or '(' .. ARGV[3]
  for _, position in ipairs(call('ZREVRANGEBYSCORE', base .. ARGV[2], newest, '-inf', 'LIMIT', 0, most)) do
    local entry = call('XRANGE', base .. 'events', position .. '-0', position .. '-0')[1]
    table.insert(found, entry or { position .. '-0', {} })
  end
end
local result = { #found == most and string.sub(found[most][1], 1, -3) }
for _, entry in ipairs(found) do
  local event = {}
  for place = 1, #entry[2], 2 do event[entry[2][place]] = entry[2][place + 1] end
  if event.at and (ARGV[4] == '' or event.user == ARGV[4]) and (ARGV[5] == '' or string.find(ARGV[5], ',' .. event.type .. ',', 1, true))
    and (ARGV[6] == '' or tonumber(event.at) >= tonumber(ARGV[6])) then
    table.insert(result, entry)
    if #result > wanted then break end
  end
end
return result`,
)

/** `Store.copyHistory`, into the first partition. */
export const COPY_HISTORY = scriptWhenFull(
  `
-- KEYS[1] the partition · ARGV[1] its number · [2] how far was copied before, or '' · [3] and how far now
-- ARGV[4] { { type, session, user, the mark, packed }, … }, packed; what there is none of is false
-- Result: 1 when they were appended, 0 when somebody else has done it`,
  SESSIONS,
  `
if (call('GET', base .. 'copied') or '') ~= ARGV[2] then return 0 end
for _, line in ipairs(cmsgpack.unpack(ARGV[4])) do tell(line[1], markOf(line[4]), line[2], line[3]) end
call('SET', base .. 'copied', ARGV[3])
return 1`,
)

/** `Store.historyCopiedTo`. */
export const COPIED_TO = scriptWhenFull(
  `
-- KEYS[1] the first partition
-- Result: how far was copied, or nothing
return redis.call('GET', KEYS[1] .. 'copied')`,
)

/** `erase(record)` deletes a session. Its history stays. Builds on `SESSIONS`. */
const ERASING = `
local function erase(record)
  local id, user, name = record[ID], record[USER_ID], record[USERNAME]
  call('DEL', base .. 'session:' .. id)
  close(record)
  if call('ZREM', base .. 'all:created', id) == 1 then total('all', -1) end
  for _, index in ipairs({ 'all:accessed', 'all:end' }) do call('ZREM', base .. index, id) end
  if call('ZREM', base .. 'all:user:' .. user, id) == 1 then tally('users', user, -1) end
  if call('ZREM', base .. 'all:name:' .. name, id) == 1 then tally('names', name, -1) end
end
`

/** `Store.prune` of a partition. */
export const PRUNE = scriptWhenFull(
  `
-- KEYS[1] the partition · ARGV[1] its number · [2] the instant · [3] how many sessions and [4] events at most
-- Result: { how many events went, the id of each session that went, … }`,
  SESSIONS,
  INDEXES,
  ERASING,
  `
local result = { 0 }
for _, id in ipairs(call('ZRANGEBYSCORE', base .. 'all:end', '-inf', '(' .. ARGV[2], 'LIMIT', 0, ARGV[3])) do
  local record = visit(id)
  if record then
    erase(record)
    table.insert(result, id)
  end
end
for _, position in ipairs(call('ZRANGEBYSCORE', base .. 'events:at', '-inf', '(' .. ARGV[2], 'LIMIT', 0, ARGV[4])) do
  local entry = call('XRANGE', base .. 'events', position .. '-0', position .. '-0')[1]
  local event = {}
  for place = 1, #(entry and entry[2] or {}), 2 do event[entry[2][place]] = entry[2][place + 1] end
  if event.user then call('ZREM', base .. 'events:user:' .. event.user, position) end
  if event.session then call('ZREM', base .. 'events:session:' .. event.session, position) end
  call('XDEL', base .. 'events', position .. '-0')
  call('ZREM', base .. 'events:at', position)
  result[1] = result[1] + 1
end
return result`,
)

/** `Store.forget`, some at a time. */
export const FORGET = scriptWhenFull(
  `
-- KEYS[1] the partition of the user · ARGV[1] its number · [2] the user · [3] how many to look at · [4] how many to delete
-- ARGV[5] where to go on: the instant · [6] and the id, '' to begin
-- Result: { where to go on or nothing, the id of each session that went, … }`,
  SESSIONS,
  INDEXES,
  ERASING,
  `
local user = ARGV[2]
assertWhole(user)
local ids, more = walk(base .. 'all:user:' .. user, false, '-inf', '+inf', ARGV[5], ARGV[6], tonumber(ARGV[3]))
local result = { more }
for _, id in ipairs(ids) do
  if #result > tonumber(ARGV[4]) then break end
  local record = visit(id, user)
  if record and record[USER_ID] == user and record[END_REASON] then
    erase(record)
    table.insert(result, id)
  end
end
return result`,
)

/** Reads an epoch. */
export const EPOCH = scriptWhenFull(
  `
-- KEYS[1] the partition of the user · ARGV[1] its number · [2] the user
-- Result: the epoch, as text
`,
  SESSIONS,
  `
return string.format('%.0f', epochOf(ARGV[2]).number)`,
)

/** `Store.claim`. */
export const CLAIM = scriptWhenFull(
  `
-- KEYS[1] the first partition · ARGV[1] its number · [2] the name · [3] who wants it · [4] now · [5] until when
-- Result: 1 if it is theirs, 0 if it is somebody else's`,
  `
local key = KEYS[1] .. 'claim:' .. ARGV[2]
local held = redis.call('HMGET', key, 'holder', 'until')
if held[1] and held[1] ~= ARGV[3] and tonumber(ARGV[4]) < tonumber(held[2]) then return 0 end
redis.call('HSET', key, 'holder', ARGV[3], 'until', ARGV[5])
return 1`,
)

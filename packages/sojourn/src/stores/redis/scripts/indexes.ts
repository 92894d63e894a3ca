/**
 * What scripts share that walk the indexes. Builds on `SESSIONS`.
 *
 * - `index(record)` writes a session into every index it belongs to; doing it again changes nothing.
 * - `accord()` answers whether the totals are kept, who is making the indexes again, if anybody, and whether all agree.
 * - `assertWhole(user, name)` raises `INDEX` when they do not, so one of them was lost: the driver then makes them
 *   again from the sessions. Those of a user or a name are compared when one is given.
 * - `walk(…)` answers with the ids in a stretch of an index, and the place where it stopped if there are more.
 * - `visit(id, user, name)` is `load` that takes an id out of the indexes when there is no such session, and out of those
 *   of open ones when it has ended.
 */
export const INDEXES = `
local function index(record)
  local id, user, ends, accessed = record[ID], record[USER_ID], record[ENDS_AT], record[LAST_ACCESSED_AT]
  local created = record[CREATED_AT]
  if call('ZADD', base .. 'all:created', created, id) == 1 then total('all', 1) end
  call('ZADD', base .. 'all:accessed', accessed, id)
  call('ZADD', base .. 'all:end', ends, id)
  if call('ZADD', base .. 'all:name:' .. record[USERNAME], created, id) == 1 then tally('names', record[USERNAME], 1) end
  if call('ZADD', base .. 'all:user:' .. user, created, id) == 1 then tally('users', user, 1) end
  if record[END_REASON] then return end
  if call('ZADD', base .. 'open:created', created, id) == 1 then total('open', 1) end
  call('ZADD', base .. 'open:accessed', accessed, id)
  call('ZADD', base .. 'open:end', ends, id)
  call('ZADD', base .. 'open:authenticated', record[AUTHENTICATED_AT], id)
  if call('ZADD', base .. 'open:user:' .. user, created, id) == 1 then tally('open:users', user, 1) end
end

-- By the bytes, as the engine orders members. The operator of Lua goes by the language of the host.
local function isBefore(a, b)
  for place = 1, math.min(#a, #b) do
    local one, other = string.byte(a, place), string.byte(b, place)
    if one ~= other then return one < other end
  end
  return #a < #b
end

local function size(name)
  return call('ZCARD', base .. name)
end

local function isCounted(counts, held, whose)
  return size(held .. whose) == tonumber(call('ZSCORE', base .. counts, whose) or 0)
end

local function areCounted(user, name)
  return (not user or (isCounted('users', 'all:user:', user) and isCounted('open:users', 'open:user:', user)))
    and (not name or isCounted('names', 'all:name:', name))
end

local function accord()
  local kept, mending, all, open, users, names, openUsers =
    unpack(call('HMGET', base .. 'totals', 'kept', 'mending', 'all', 'open', 'users', 'names', 'open:users'))
  all, open, users = tonumber(all or 0), tonumber(open or 0), tonumber(users or 0)
  names, openUsers = tonumber(names or 0), tonumber(openUsers or 0)
  return kept, mending, size('all:created') == all and size('all:accessed') == all and size('all:end') == all
    and size('open:created') == open and size('open:accessed') == open and size('open:end') == open
    and size('open:authenticated') == open and size('users') == users and size('names') == names
    and size('open:users') == openUsers
    -- Of a session that is gone without a trace nobody knows whose it was.
    and (users == 0) == (all == 0) and (names == 0) == (all == 0) and (openUsers == 0) == (open == 0)
end

local function assertWhole(user, name)
  local kept, mending, agrees = accord()
  -- Where nobody has ever signed in there are no totals.
  local isKept = kept or (not mending and call('EXISTS', base .. 'events') == 0)
  if not (isKept and agrees and areCounted(user, name)) then error({ err = 'INDEX lost' }) end
end

-- The rank of the first member after a place, or of the one at it if wanted.
local function rankAfter(name, value, id, isWithin)
  local from, to = call('ZCOUNT', name, '-inf', '(' .. value), call('ZCOUNT', name, '-inf', value)
  while from < to do
    local middle = math.floor((from + to) / 2)
    local at = call('ZRANGE', name, middle, middle)[1]
    if isBefore(at, id) or (at == id and not isWithin) then from = middle + 1 else to = middle end
  end
  return from
end

local function walk(name, isDescending, low, high, value, id, most)
  local first = low == '-inf' and 0 or call('ZCOUNT', name, '-inf', '(' .. low)
  local last = call('ZCOUNT', name, '-inf', high) - 1
  if id ~= '' and isDescending then last = math.min(last, rankAfter(name, value, id, true) - 1) end
  if id ~= '' and not isDescending then first = math.max(first, rankAfter(name, value, id, false)) end
  if first > last then return {}, false end
  local from, to = first, math.min(last, first + most - 1)
  if isDescending then from, to = math.max(first, last - most + 1), last end
  local found = call('ZRANGE', name, from, to, 'WITHSCORES')
  local ids = {}
  for place = 1, #found, 2 do
    if isDescending then table.insert(ids, 1, found[place]) else table.insert(ids, found[place]) end
  end
  if to - from == last - first then return ids, false end
  local edge = isDescending and 1 or #found - 1
  return ids, { found[edge + 1], found[edge] }
end

local function visit(id, user, name)
  local record, isEnded = load(id)
  -- A kill may have cut off what took an ended session out of the indexes of open ones.
  if record and record[END_REASON] and call('ZSCORE', base .. 'open:created', id) then close(record) end
  if record then return record, isEnded end
  if call('ZREM', base .. 'all:created', id) == 1 then total('all', -1) end
  if call('ZREM', base .. 'open:created', id) == 1 then total('open', -1) end
  for _, name in ipairs({ 'all:accessed', 'all:end', 'open:accessed', 'open:end', 'open:authenticated' }) do
    call('ZREM', base .. name, id)
  end
  if name and call('ZREM', base .. 'all:name:' .. name, id) == 1 then tally('names', name, -1) end
  if user and call('ZREM', base .. 'all:user:' .. user, id) == 1 then tally('users', user, -1) end
  if user and call('ZREM', base .. 'open:user:' .. user, id) == 1 then tally('open:users', user, -1) end
  return nil, false
end
`

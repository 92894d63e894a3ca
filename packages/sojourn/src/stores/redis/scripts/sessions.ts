/**
 * What scripts share that read and end sessions. `KEYS[1]` is what the keys of the partition begin with, `ARGV[1]` its
 * number.
 *
 * - `tell(kind, mark, session, user)` appends an event; of no session or no user if those are nil.
 * - `load(id)` answers with the record, or nil. A session of an older epoch than its user's has ended when that epoch
 *   was raised; if nobody has written that down yet, `load` does, so no script ever sees it standing. Its second answer
 *   is whether it did.
 * - `finish(record, mark)` ends an open session.
 * - `stands(record, …)` says whether it stands by these instants.
 *
 * Whoever ends a session saves it first, whoever adds one saves it last: of what a server was writing when it was killed,
 * the next start but one may do the beginning and no more (`decisions/0016`). So nobody stands for whom there is no line.
 */
export const SESSIONS = `
local base, partition = KEYS[1], tonumber(ARGV[1])
local call = redis.call
local ID, USER_ID, USERNAME, CREATED_AT, AUTHENTICATED_AT = 1, 2, 3, 9, 10
local LAST_ACCESSED_AT, EXPIRES_AT, ENDS_AT, LOGGED_OUT_AT = 11, 12, 13, 14
local END_REASON, ENDED_BY, IP_ADDRESS, USER_AGENT, VERSION, EPOCH = 15, 16, 17, 18, 21, 22

local function markOf(packed)
  local at, actor, reason, ip, detail = unpack(cmsgpack.unpack(packed))
  return { at = at, actor = actor, reason = reason, ip = ip, detail = detail }
end

-- The position of the newest event there ever was in the partition, also when it has been deleted.
local function newestPosition()
  if call('EXISTS', base .. 'events') == 0 then return 0 end
  local facts = call('XINFO', 'STREAM', base .. 'events')
  for place = 1, #facts, 2 do
    if facts[place] == 'last-generated-id' then return tonumber(string.match(facts[place + 1], '^%d+')) end
  end
end

-- A position is the engine's time since 2026 in 1/256 milliseconds, sixteen times over, so that sixteen partitions never
-- give out the same and their events fall into an order; later than the one before even if the time is not. It also
-- means that a replica that takes over, and has not heard of the latest events, does not give out their positions again.
local lastPosition
local function nextPosition()
  if lastPosition then return lastPosition + 16 end
  local time = call('TIME')
  local milliseconds = time[1] * 1000 + math.floor(time[2] / 1000) - 1767225600000
  return (milliseconds * 256 + math.floor(time[2] % 1000 / 4)) * 16 + partition
end

-- The engine refuses a position that does not come after the last; that it does nearly always costs no look beforehand.
local function append(fields)
  lastPosition = nextPosition()
  local reply = redis.pcall('XADD', base .. 'events', string.format('%.0f-0', lastPosition), unpack(fields))
  if type(reply) ~= 'table' then return string.format('%.0f', lastPosition) end
  lastPosition = newestPosition() + 16
  call('XADD', base .. 'events', string.format('%.0f-0', lastPosition), unpack(fields))
  return string.format('%.0f', lastPosition)
end

local function tell(kind, mark, session, user)
  local fields = { 'at', mark.at, 'type', kind, 'actor', mark.actor }
  for name, value in pairs({ user = user, session = session, reason = mark.reason, ip = mark.ip, detail = mark.detail }) do
    if value then
      table.insert(fields, name)
      table.insert(fields, value)
    end
  end
  local position = append(fields)
  call('ZADD', base .. 'events:at', mark.at, position)
  if user then call('ZADD', base .. 'events:user:' .. user, position, position) end
  if session then call('ZADD', base .. 'events:session:' .. session, position, position) end
end

local function save(record)
  call('SET', base .. 'session:' .. record[ID], cmsgpack.pack(record))
end

-- One more of all there are of a kind, or one fewer. Kept apart from the indexes, so that it shows when those were lost, also
-- if somebody has signed in since. Where the totals were lost themselves they stay away until they are made again.
local function total(of, by)
  local totals = base .. 'totals'
  if call('HINCRBY', totals, of, by) ~= by then return end
  if call('HEXISTS', totals, 'kept') == 1 or call('HEXISTS', totals, 'mending') == 1 then return end
  if call('EXISTS', base .. 'events') == 0 then call('HSET', totals, 'kept', 1) else call('HDEL', totals, of) end
end

-- One more session of a user or a name, or one fewer.
local function tally(counts, whose, by)
  local count = tonumber(call('ZINCRBY', base .. counts, by, whose))
  if count <= 0 then call('ZREM', base .. counts, whose) end
  if count <= 0 or count == by then total(counts, by) end
end

local function close(record)
  local id = record[ID]
  if call('ZREM', base .. 'open:created', id) == 1 then total('open', -1) end
  call('ZREM', base .. 'open:accessed', id)
  call('ZREM', base .. 'open:end', id)
  call('ZREM', base .. 'open:authenticated', id)
  if call('ZREM', base .. 'open:user:' .. record[USER_ID], id) == 1 then tally('open:users', record[USER_ID], -1) end
end

local function finish(record, mark)
  local at = math.min(mark.at, record[ENDS_AT])
  record[ENDS_AT], record[LOGGED_OUT_AT], record[END_REASON], record[ENDED_BY] = at, at, mark.reason, mark.actor
  record[VERSION] = record[VERSION] + 1
  save(record)
  close(record)
  call('ZADD', base .. 'all:end', at, record[ID])
  tell('session_ended', mark, record[ID], record[USER_ID])
end

local function stands(record, endsAfter, accessedAfter, authenticatedAfter)
  return not record[END_REASON] and record[ENDS_AT] > endsAfter and record[LAST_ACCESSED_AT] > accessedAfter
    and record[AUTHENTICATED_AT] > authenticatedAfter
end

local function named(record)
  return { record[ID], record[USER_ID], record[USERNAME] }
end

-- Where the key of a user is not there: 0 for somebody new, and for somebody who has sessions the latest of theirs.
local function epochInSessions(user)
  local latest = 0
  for _, id in ipairs(call('ZRANGE', base .. 'all:user:' .. user, 0, -1)) do
    local packed = call('GET', base .. 'session:' .. id)
    if packed then latest = math.max(latest, cmsgpack.unpack(packed)[EPOCH]) end
  end
  return latest
end

-- The epoch of a user and whether it is written down, the mark of who raised it last, and the latest login if any.
local epochs = {}
local function epochOf(user)
  local known = epochs[user]
  if not known then
    local values = call('HMGET', base .. 'user:' .. user,
      'epoch', 'raised_at', 'raised_by', 'reason', 'ip', 'detail', 'last_login_at')
    known = {
      isKnown = values[1] ~= false,
      number = tonumber(values[1] or epochInSessions(user)), lastLoginAt = values[7] and tonumber(values[7]),
      mark = { at = tonumber(values[2] or 0), actor = values[3], reason = values[4], ip = values[5], detail = values[6] }
    }
    epochs[user] = known
  end
  return known
end

local function load(id)
  local packed = call('GET', base .. 'session:' .. id)
  if not packed then return nil, false end
  local record = cmsgpack.unpack(packed)
  if record[END_REASON] then return record, false end
  local epoch = epochOf(record[USER_ID])
  if record[EPOCH] >= epoch.number then return record, false end
  finish(record, epoch.mark)
  return record, true
end
`

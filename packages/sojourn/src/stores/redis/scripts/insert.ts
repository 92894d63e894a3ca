import { INDEXES } from './indexes.ts'
import { script } from './script.ts'
import { SESSIONS } from './sessions.ts'

/** `Store.insert`, in one step. */
export const INSERT = script(
  `
-- KEYS[1] the partition of the user
-- ARGV[1] its number · [2] the record, packed · [3] the epoch the login read, or '' · [4] the mark, packed
-- ARGV[5] the cap as { most, 'evict' or 'deny', endsAfter, accessedAfter, authenticatedAfter }, packed, or ''
-- Result: { 'ok', { id, user, username } of each that was evicted, … } or { why not }`,
  SESSIONS,
  INDEXES,
  `
local record, mark = cmsgpack.unpack(ARGV[2]), markOf(ARGV[4])
local user = record[USER_ID]
if call('EXISTS', base .. 'session:' .. record[ID]) == 1 then return { 'id_taken' } end
-- Somebody new, or somebody whose key was lost: then their sessions have to say which epoch it is.
if not epochOf(user).isKnown then assertWhole(user) end
local epoch, lastLoginAt = epochOf(user).number, epochOf(user).lastLoginAt
if ARGV[3] ~= '' and tonumber(ARGV[3]) ~= epoch then return { 'epoch' } end

local surplus = {}
if ARGV[5] ~= '' then
  assertWhole(user)
  local most, onExceed, endsAfter, accessedAfter, authenticatedAfter = unpack(cmsgpack.unpack(ARGV[5]))
  local standing = {}
  for _, id in ipairs(call('ZRANGE', base .. 'open:user:' .. user, 0, -1)) do
    local other = visit(id, user)
    if other and stands(other, endsAfter, accessedAfter, authenticatedAfter) then table.insert(standing, other) end
  end
  if #standing >= most and onExceed == 'deny' then return { 'limit' } end
  table.sort(standing, function(a, b)
    if a[LAST_ACCESSED_AT] ~= b[LAST_ACCESSED_AT] then return a[LAST_ACCESSED_AT] < b[LAST_ACCESSED_AT] end
    return isBefore(a[ID], b[ID])
  end)
  for place = 1, #standing - most + 1 do table.insert(surplus, standing[place]) end
end

local result = { 'ok' }
for _, other in ipairs(surplus) do
  finish(other, { at = mark.at, actor = 'system', reason = 'limit', ip = mark.ip })
  table.insert(result, named(other))
end
local key = base .. 'user:' .. user
if lastLoginAt then call('HSET', key, 'last_login_at', math.max(mark.at, lastLoginAt))
else call('HSET', key, 'epoch', epoch, 'created_at', mark.at, 'last_login_at', mark.at) end
record[EPOCH] = epoch
index(record)
tell('session_created', mark, record[ID], user)
save(record)
return result`,
)

import { INDEXES } from './indexes.ts'
import { scriptWhenFull } from './script.ts'
import { SESSIONS } from './sessions.ts'

/** `Store.touch`, for the sessions of one partition. */
export const TOUCH = scriptWhenFull(
  `
-- KEYS[1] the partition · ARGV[1] its number · [2] { { id, at, endsAt, allowance }, … }, packed
-- Result: how many took effect`,
  SESSIONS,
  `
local count = 0
for _, note in ipairs(cmsgpack.unpack(ARGV[2])) do
  local id, at, endsAt, allowance = unpack(note)
  local record = load(id)
  if record and not record[END_REASON] and record[ENDS_AT] + allowance > at and at > record[LAST_ACCESSED_AT] then
    local ends = math.min(record[EXPIRES_AT], endsAt)
    record[LAST_ACCESSED_AT], record[ENDS_AT] = at, ends
    save(record)
    for _, of in ipairs({ 'all:', 'open:' }) do
      call('ZADD', base .. of .. 'accessed', 'XX', at, id)
      call('ZADD', base .. of .. 'end', 'XX', ends, id)
    end
    count = count + 1
  end
end
return count`,
)

/** `Store.update`, in one step. */
export const UPDATE = scriptWhenFull(
  `
-- KEYS[1] the partition · ARGV[1] its number · [2] the id · [3] the version · [4] { { place, value }, … }, packed
-- ARGV[5] the allowance · [6] the mark, packed · [7] the type of the event, or ''
-- Result: 1 when it was done, 0 when it was not`,
  SESSIONS,
  INDEXES,
  `
local record, mark = load(ARGV[2]), markOf(ARGV[6])
if not record or record[END_REASON] or record[VERSION] ~= tonumber(ARGV[3]) then return 0 end
if record[ENDS_AT] + tonumber(ARGV[5]) <= mark.at then return 0 end
local accessed = record[LAST_ACCESSED_AT]
for _, change in ipairs(cmsgpack.unpack(ARGV[4])) do record[change[1]] = change[2] end
record[LAST_ACCESSED_AT] = math.max(record[LAST_ACCESSED_AT], accessed)
record[VERSION] = record[VERSION] + 1
save(record)
index(record)
if ARGV[7] ~= '' then tell(ARGV[7], mark, record[ID], record[USER_ID]) end
return 1`,
)

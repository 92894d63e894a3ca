import { INDEXES } from './indexes.ts'
import { scriptWhenFull } from './script.ts'
import { SESSIONS } from './sessions.ts'

/** `matches(record, conditions)` says whether a record is meant. Builds on `SESSIONS`. */
const MATCHING = `
local function mentions(text, wanted)
  return text and string.find(string.lower(text), wanted, 1, true) ~= nil
end

local matches
local tests = {
  is = function(record, place, value) return record[place] == value end,
  ['not'] = function(record, place, value) return record[place] ~= value end,
  by = function(record, place, instant) return record[place] <= instant end,
  since = function(record, place, instant) return record[place] >= instant end,
  ended = function(record, isEnded) return (record[END_REASON] ~= false) == isEnded end,
  standing = function(record, ...) return stands(record, ...) end,
  fallen = function(record, ...) return not stands(record, ...) end,
  text = function(record, wanted)
    return mentions(record[USERNAME], wanted) or mentions(record[USER_AGENT], wanted)
      or mentions(record[IP_ADDRESS], wanted)
  end,
  any = function(record, alternatives)
    for _, conditions in ipairs(alternatives) do
      if matches(record, conditions) then return true end
    end
    return false
  end
}

function matches(record, conditions)
  for _, condition in ipairs(conditions) do
    if not tests[condition[1]](record, condition[2], condition[3], condition[4]) then return false end
  end
  return true
end
`

const ARGUMENTS = `
-- KEYS[1] the partition · ARGV[1] its number · [2] the index · [3] the user it is of, or '' · [4] '1' from its far end
-- ARGV[5] the lowest and [6] the highest instant meant · [7] the instant and [8] the id to go on after, '' to begin
-- ARGV[9] the conditions, packed · [10] how many to look at · [11] how many to find`
const PREPARE = `
local user, name = ARGV[3] ~= '' and ARGV[3], string.match(ARGV[2], '^all:name:(.*)$')
local conditions, most, wanted = cmsgpack.unpack(ARGV[9]), tonumber(ARGV[10]), tonumber(ARGV[11])
assertWhole(user, name)
local ids, more = walk(base .. ARGV[2], ARGV[4] == '1', ARGV[5], ARGV[6], ARGV[7], ARGV[8], most)`

/** A stretch of `Store.list`. */
export const FIND = scriptWhenFull(
  `${ARGUMENTS}
-- Result: { where to go on as { instant, id }, or nothing at the end, a session that matches, packed, … }
-- It stops when it has found enough; the driver then goes on after the last one found.`,
  SESSIONS,
  INDEXES,
  MATCHING,
  PREPARE,
  `
local result = { more }
for place, id in ipairs(ids) do
  local record = visit(id, user, name)
  if record and matches(record, conditions) then
    table.insert(result, cmsgpack.pack(record))
    if #result > wanted then
      if place < #ids or more then result[1] = { call('ZSCORE', base .. ARGV[2], id) or ARGV[7], id } end
      break
    end
  end
end
return result`,
)

/** A stretch of `Store.count`. */
export const COUNT = scriptWhenFull(
  `${ARGUMENTS}
-- Result: { where to go on or nothing, how many match }`,
  SESSIONS,
  INDEXES,
  MATCHING,
  PREPARE,
  `
local count = 0
for _, id in ipairs(ids) do
  local record = visit(id, user, name)
  if record and matches(record, conditions) then count = count + 1 end
end
return { more, count }`,
)

/** A stretch of `Store.revoke` of a filter: each session is judged and ended in the same step. */
export const END_WHERE = scriptWhenFull(
  `${ARGUMENTS}
-- ARGV[12] the mark, packed
-- Result: { where to go on or nothing, { id, user, username } of each that ended, … }`,
  SESSIONS,
  INDEXES,
  MATCHING,
  PREPARE,
  `
local result, mark = { more }, markOf(ARGV[12])
for _, id in ipairs(ids) do
  if #result > wanted then break end
  local record = visit(id, user, name)
  if record and not record[END_REASON] and matches(record, conditions) then
    finish(record, mark)
    table.insert(result, named(record))
  end
end
return result`,
)

/** How many are in a stretch of an index, where every one of them is meant. */
export const SIZE = scriptWhenFull(
  `
-- KEYS[1] the partition · ARGV[1] its number · [2] the index · [3] the user it is of, or ''
-- ARGV[4] the lowest and [5] the highest instant meant
-- Result: how many`,
  SESSIONS,
  INDEXES,
  `
assertWhole(ARGV[3] ~= '' and ARGV[3], string.match(ARGV[2], '^all:name:(.*)$'))
return call('ZCOUNT', base .. ARGV[2], ARGV[4], ARGV[5])`,
)

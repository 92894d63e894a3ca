import { INDEXES } from './indexes.ts'
import { scriptWhenFull } from './script.ts'
import { SESSIONS } from './sessions.ts'

/** `recount(user, name)` makes the counts of a user and a name say what their indexes hold. */
const RECOUNTING = `
local function agree(counts, held, whose)
  local count = call('ZCARD', base .. held .. whose)
  if count == 0 then call('ZREM', base .. counts, whose) else call('ZADD', base .. counts, count, whose) end
end

local function recount(user, name)
  agree('users', 'all:user:', user)
  agree('open:users', 'open:user:', user)
  agree('names', 'all:name:', name)
end
`

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
    recount(record[USER_ID], record[USERNAME])
  end
  if isEnded then table.insert(result, named(record)) end
end
return result`,
)

/** After a rebuild: makes the counts of a user and a name agree, of whom there may be no session. */
export const RECOUNT = scriptWhenFull(
  `
-- KEYS[1] the partition · ARGV[1] its number · [2] a user and [3] a username whose counts were wrong, or ''
-- Result: nothing`,
  SESSIONS,
  RECOUNTING,
  `
recount(ARGV[2], ARGV[3])
return false`,
)

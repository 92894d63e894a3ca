import { scriptOfServer } from './script.ts'

/** What the server that holds a partition says of itself. */
export const INFO = scriptOfServer(`
-- KEYS[1] the partition
-- Result: text, as INFO writes it
local text = ''
for _, section in ipairs({ 'server', 'replication', 'persistence', 'memory', 'cluster' }) do
  text = text .. redis.call('INFO', section)
end
return text`)

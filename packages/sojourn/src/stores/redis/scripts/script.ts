import { createHash } from 'node:crypto'

/**
 * While a cluster moves the slot of a partition from one server to another, either has some of its keys, and what is not
 * there may only have moved. Asking for two keys at once, one of them never there, is refused by both of them then; so
 * the script fails, and nobody is told that a session does not exist.
 */
const NOT_WHILE_MOVING = `
redis.call('EXISTS', KEYS[1] .. 'events', KEYS[1] .. 'nothing')
`

/** A script as the engine runs it, and the name it remembers it by. */
export interface Script {
  readonly text: string
  readonly sha: string
}

/**
 * A script from its parts. It counts as one that writes, whatever it does: so a replica, which may be behind, refuses to
 * run it, and no session is ever judged by what a replica holds.
 */
export function script(...parts: readonly string[]): Script {
  return compiled('#!lua', NOT_WHILE_MOVING, ...parts)
}

/** A script that must work where `maxmemory` is reached, too: reading, ending, and whatever frees memory. */
export function scriptWhenFull(...parts: readonly string[]): Script {
  return compiled('#!lua flags=allow-oom', NOT_WHILE_MOVING, ...parts)
}

/** A script that asks for no keys, only for what the server says of itself. */
export function scriptOfServer(...parts: readonly string[]): Script {
  return compiled('#!lua flags=allow-oom', ...parts)
}

function compiled(...lines: readonly string[]): Script {
  const text = lines.join('\n')
  return { text, sha: createHash('sha1').update(text).digest('hex') }
}

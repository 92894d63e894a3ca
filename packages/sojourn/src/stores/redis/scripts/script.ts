import { createHash } from 'node:crypto'

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
  return compiled('#!lua', parts)
}

/** A script that must work where `maxmemory` is reached, too: reading, ending, and whatever frees memory. */
export function scriptWhenFull(...parts: readonly string[]): Script {
  return compiled('#!lua flags=allow-oom', parts)
}

function compiled(flags: string, parts: readonly string[]): Script {
  const text = [flags, ...parts].join('\n')
  return { text, sha: createHash('sha1').update(text).digest('hex') }
}

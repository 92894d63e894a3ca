const DEPTH = 8
/** The strings of a JSON text, and the signs that give it its form. */
const PIECES = /"(?:[^"\\]|\\.)*"|[{}[\]:]/g

/**
 * What a JSON text says, or undefined when it is not JSON, is nested deeper than 8, or names a key twice in one
 * object: two readers of such a text need not see the same.
 */
export function parseJson(text: string): unknown {
  try {
    const value: unknown = JSON.parse(text)
    return isUnambiguous(text) ? value : undefined
  } catch {
    return undefined
  }
}

/** Reads text that is known to be JSON. */
function isUnambiguous(text: string): boolean {
  const open: Set<unknown>[] = []
  let before = ''
  for (const [piece] of text.matchAll(PIECES)) {
    if (piece === '{' || piece === '[') {
      if (open.push(new Set()) > DEPTH) return false
    } else if (piece === '}' || piece === ']') {
      open.pop()
    } else if (piece === ':') {
      const keys = open.at(-1)
      const key: unknown = JSON.parse(before)
      if (keys?.has(key) === true) return false
      keys?.add(key)
    }
    before = piece
  }
  return true
}

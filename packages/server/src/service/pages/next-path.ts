/** Stands for our own origin, whatever that is; a path that leads away from it leads away from any. */
const HERE = 'http://here.invalid'
const LIMIT = 2_000
const PLAIN_PATH = /^\/(?!\/)[\x21-\x5b\x5d-\x7e]*$/
/** What another reader may decode into a backslash, a control character or a second slash in front. */
const DISGUISED = /%5c|%[01][0-9a-f]|%7f|^\/%2f/i

/**
 * A path of this site to go on to, or null for everything that is not plainly one: another site in any of its
 * disguises, a scheme, control characters, text that a reader further on could take for something else.
 */
export function nextPath(text: string | undefined): string | null {
  if (text === undefined || text.length > LIMIT || !PLAIN_PATH.test(text) || DISGUISED.test(text)) return null
  const url = URL.parse(text, HERE)
  if (url === null || url.origin !== HERE || url.pathname.startsWith('//')) return null
  return url.href.slice(HERE.length)
}

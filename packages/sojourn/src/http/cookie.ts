import { SojournError } from '../core/errors.ts'
import type { Session } from '../core/session.ts'
import type { Token } from '../core/token.ts'

/** The one cookie. Anything left out has the default; there is no `domain`, no `path` and no `secure` to get wrong. */
export interface CookieOptions {
  /** Begins with `__Host-`. Default `__Host-Http-sid`, which newer browsers let no script write. */
  readonly name?: string | undefined
  /** `Strict` for a console that nobody links to; `None` for use inside other sites. Default `Lax`. */
  readonly sameSite?: 'Lax' | 'Strict' | 'None' | undefined
}

/** What the cookie is when nothing is said. */
export const DEFAULT_COOKIE = { name: '__Host-Http-sid', sameSite: 'Lax' } as const satisfies CookieOptions

/** The attribute of a session whose cookie outlives the browser. Kept with the session, so that a renewal knows. */
export const REMEMBER = 'sojourn:remember'

const NAME = /^__Host-[A-Za-z0-9_.-]{1,48}$/
const SAME_SITE: readonly unknown[] = ['Lax', 'Strict', 'None']
/** No browser keeps a cookie longer than 400 days (RFC 6265bis, section 5.5). */
const LONGEST = 400 * 86_400
const NONE: readonly string[] = Object.freeze([])

/** Reads and writes the session cookie: host-only, `Path=/`, `Secure`, `HttpOnly`, with `SameSite` said out loud. */
export class SessionCookie {
  readonly name: string
  readonly #attributes: string

  /**
   * Throws `invalid_option` for a combination that would weaken the cookie. `isInsecure` is for development on a
   * loopback address over plain http: the cookie then has no `Secure`, and `insecure-` for its prefix.
   */
  constructor(options: CookieOptions = {}, isInsecure = false) {
    for (const option of Object.keys(options)) {
      if (!Object.hasOwn(DEFAULT_COOKIE, option))
        throw invalid(option, 'no setting', 'the settings are name and sameSite')
    }
    const { name = DEFAULT_COOKIE.name, sameSite = DEFAULT_COOKIE.sameSite } = options
    if (!NAME.test(name)) {
      throw invalid('name', shown(name), "give '__Host-' and 1 to 48 letters, digits, '_', '.' or '-'")
    }
    if (!SAME_SITE.includes(sameSite)) throw invalid('sameSite', shown(sameSite), "give 'Lax', 'Strict' or 'None'")
    if (isInsecure && sameSite === 'None') {
      throw invalid('sameSite', "'None'", 'give another over plain http; browsers want Secure with it')
    }
    this.name = isInsecure ? name.replace(/^__Host-(?:Http-)?/, 'insecure-') : name
    this.#attributes = `; Path=/${isInsecure ? '' : '; Secure'}; HttpOnly; SameSite=${sameSite}`
  }

  /**
   * Every value that came under the name, in their order. More than one means that somebody else has planted a
   * cookie. Names are compared byte by byte: what a lenient reader makes equal is how prefixes are got around.
   */
  read(headers: Headers): readonly string[] {
    const header = headers.get('cookie')
    if (header === null || !header.includes(this.name)) return NONE
    const values: string[] = []
    for (const pair of header.split(';')) {
      const end = pair.includes(this.name) ? pair.indexOf('=') : -1
      if (end !== -1 && trimmed(pair.slice(0, end)) === this.name) values.push(trimmed(pair.slice(end + 1)))
    }
    return values
  }

  /** The `Set-Cookie` that hands a token over: until the browser closes or, where the user asked for it, as long as the session may live. */
  write(token: Token, session: Session, now: number): string {
    return `${this.name}=${token}${this.#attributes}${maxAge(session, now)}`
  }

  /** The `Set-Cookie` that takes the cookie away again. */
  clear(): string {
    return `${this.name}=${this.#attributes}; Max-Age=0`
  }
}

function maxAge({ attributes, expiresAt }: Session, now: number): string {
  if (attributes[REMEMBER] !== true) return ''
  const left = Math.floor((expiresAt.getTime() - now) / 1_000)
  return `; Max-Age=${Math.max(0, Math.min(LONGEST, left))}`
}

/** Without the white space a browser takes off, and no other: a no-break space belongs to the name. */
function trimmed(text: string): string {
  let start = 0
  let end = text.length
  while (start < end && isBlank(text.charCodeAt(start))) start += 1
  while (end > start && isBlank(text.charCodeAt(end - 1))) end -= 1
  return text.slice(start, end)
}

/** A space or a tab. */
function isBlank(code: number): boolean {
  return code === 0x20 || code === 0x09
}

function shown(value: unknown): string {
  return `'${String(value).slice(0, 80)}'`
}

function invalid(option: string, found: string, advice: string): SojournError {
  return new SojournError('invalid_option', `cookie.${option} is ${found}; ${advice}`)
}

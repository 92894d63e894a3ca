/** Where writes may come from. Origins in the spelling of `parseOrigin`. */
export interface OriginRules {
  /** The origin that this service is reached under. */
  readonly own: string
  /** Other origins whose pages may write. */
  readonly trusted: ReadonlySet<string>
  /** Whether a client that sends neither `Sec-Fetch-Site` nor `Origin` may sign in or use a cookie. No browser is one. */
  readonly isAcceptedWithout: boolean
}

/** What is known of a request before anything is done for it. */
export interface Arrival {
  readonly method: string
  readonly headers: Headers
  /** What it carries to say whose it is: `cookie` wherever there is one, `bearer` only without. */
  readonly credential: 'cookie' | 'bearer' | null
  /** Whether it may start, change or end a session, so that forging it pays without any cookie. */
  readonly isLoginLike: boolean
}

/** Whether a method changes nothing (RFC 9110, section 9.2.1), so that it does not matter where it comes from. */
export function isSafe(method: string): boolean {
  return method === 'GET' || method === 'HEAD' || method === 'OPTIONS'
}

/**
 * Whether a request may have been made by another site in the name of this browser's user. Pure; the order of the
 * questions matters. What a browser says of itself in `Sec-Fetch-Site` counts most, `Origin` where it says nothing,
 * and silence is not trusted with anything that can be forged.
 */
export function isForgeable({ method, headers, credential, isLoginLike }: Arrival, rules: OriginRules): boolean {
  if (isSafe(method)) return false
  // No browser sends this header by itself, so there is nothing to borrow.
  if (credential === 'bearer') return false
  const site = headers.get('sec-fetch-site')
  const header = headers.get('origin')
  const origin = header === null ? null : parseOrigin(header)
  const isTrusted = origin !== null && rules.trusted.has(origin)
  if (site !== null) return site !== 'same-origin' && site !== 'none' && !isTrusted
  if (header !== null) return origin !== rules.own && !isTrusted
  return (credential === 'cookie' || isLoginLike) && !rules.isAcceptedWithout
}

/**
 * The one spelling of the scheme, host and port that an origin stands for, or null for anything that is no origin of
 * the web in just that spelling: a path, another case, a list, `null`.
 */
export function parseOrigin(text: string): string | null {
  const url = URL.parse(text)
  return url !== null && /^https?:$/.test(url.protocol) && url.origin === text ? text : null
}

import { AuthManager } from '../../packages/sojourn/src/auth/index.ts'
import type { PasswordHasher, PasswordOptions } from '../../packages/sojourn/src/auth/index.ts'
import type { PolicyOptions } from '../../packages/sojourn/src/core/policy.ts'
import { SojournHttp } from '../../packages/sojourn/src/http/index.ts'
import type { Peer, Signal, SojournHttpOptions } from '../../packages/sojourn/src/http/index.ts'
import { SessionManager } from '../../packages/sojourn/src/index.ts'
import { MemoryStore } from '../../packages/sojourn/src/stores/memory.ts'
import { FaultyStore, FixedClock } from '../../packages/sojourn/src/testing/index.ts'

export const PASSWORD = 'correct horse battery staple'
export const OTHER = 'another long and unusual phrase'
export const SITE = 'https://app.example.com'
export const COOKIE = '__Host-Http-sid'
export const IP = '192.0.2.7'

export interface Sent {
  /** Sent as JSON unless it is text. */
  readonly body?: unknown
  readonly headers?: Readonly<Record<string, string>>
}

export interface SiteOptions {
  readonly policy?: PolicyOptions
  readonly passwords?: PasswordOptions
  readonly http?: Partial<SojournHttpOptions>
}

/** A site with accounts on the memory store, where time stands still and hashing costs nothing. */
export function openSite({ policy, passwords, http: options }: SiteOptions = {}) {
  const memory = new MemoryStore()
  const store = new FaultyStore(memory)
  const clock = new FixedClock()
  const sessions = new SessionManager({ store, clock, policy })
  const auth = new AuthManager({ sessions, users: memory.users, hasher: PLAIN, clock, passwords })
  const signals: Signal[] = []
  const errors: unknown[] = []
  const http = new SojournHttp({
    sessions,
    auth,
    baseUrl: SITE,
    onSignal: (signal) => signals.push(signal),
    onError: (error) => errors.push(error),
    ...options,
  })
  return { memory, store, clock, sessions, auth, http, signals, errors }
}

export type Site = ReturnType<typeof openSite>

/** A request as any client makes it: only the headers that are given, and the content type of a JSON body. */
export function request(method: string, path: string, { body, headers }: Sent = {}): Request {
  const type = body === undefined || typeof body === 'string' ? {} : { 'content-type': 'application/json' }
  const text = body === undefined || typeof body === 'string' ? body : JSON.stringify(body)
  return new Request(new URL(path, SITE), { method, headers: { ...type, ...headers }, body: text ?? null })
}

/** A browser with one tab on the site: it keeps cookies by name and says truly where its requests come from. */
export class Browser {
  readonly cookies = new Map<string, string>()
  readonly #http: SojournHttp
  readonly #peer: Peer

  constructor({ http }: Pick<Site, 'http'>, peer: Peer = { ip: IP }) {
    this.#http = http
    this.#peer = peer
  }

  /** The answer of a route; the cookies it sets are kept. */
  async send(method: string, path: string, { body, headers }: Sent = {}): Promise<Response> {
    const own = { 'sec-fetch-site': 'same-origin', 'user-agent': 'Firefox/140.0', ...this.#cookie(), ...headers }
    const response = await this.#http.handle(request(method, path, { body, headers: own }), this.#peer)
    if (response === null) throw new Error(`${path} is not below the prefix`)
    this.keep(response)
    return response
  }

  async signIn(username = 'ada', more: object = {}): Promise<Response> {
    const response = await this.send('POST', '/auth/login', { body: { username, password: PASSWORD, ...more } })
    if (response.status !== 200) throw new Error(`sign-in was answered with ${response.status}`)
    return response
  }

  /** Whether the site still knows who this is. */
  async isSignedIn(): Promise<boolean> {
    return (await this.send('GET', '/auth/session')).status === 200
  }

  keep(response: Response): void {
    for (const line of response.headers.getSetCookie()) {
      const [, name, value] = /^([^=]+)=([^;]*)/.exec(line)!
      if (line.includes('Max-Age=0')) this.cookies.delete(name!)
      else this.cookies.set(name!, value!)
    }
  }

  get token(): string | undefined {
    return this.cookies.get(COOKIE)
  }

  #cookie(): Record<string, string> {
    const pairs = [...this.cookies].map(([name, value]) => `${name}=${value}`)
    return pairs.length === 0 ? {} : { cookie: pairs.join('; ') }
  }
}

/** A site where Ada has an account, and a browser in which she has signed in. */
export async function openAdas(options: SiteOptions = {}) {
  const site = openSite(options)
  await site.auth.registerUser('ada', PASSWORD)
  const browser = new Browser(site)
  await browser.signIn()
  return { ...site, browser }
}

/** Every value of an answer that is not the status line, as one text to search in. */
export async function everythingIn(response: Response): Promise<string> {
  return JSON.stringify([...response.headers]) + (await response.clone().text())
}

/** Keeps passwords as they are: for tests that are about something else. */
export const PLAIN: PasswordHasher = {
  hash: async (password) => `kept:${password}`,
  verify: async (password, stored) => stored === `kept:${password}`,
  needsRehash: () => false,
}

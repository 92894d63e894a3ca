/** A browser without scripts that keeps cookies by name, says truly where its forms come from, and follows nothing by itself. */
export class PageVisitor {
  readonly cookies = new Map<string, string>()
  readonly #url: string
  readonly #userAgent: string

  constructor({ url }: { readonly url: string }, userAgent = FIREFOX) {
    this.#url = url
    this.#userAgent = userAgent
  }

  async get(path: string, headers: Readonly<Record<string, string>> = {}): Promise<Seen> {
    return this.#send('GET', path, null, headers)
  }

  /** Sends a form as a browser does. */
  async post(path: string, fields: Fields = {}, headers: Readonly<Record<string, string>> = SAME_SITE): Promise<Seen> {
    return this.#send('POST', path, new URLSearchParams(fields).toString(), { ...FORM, ...headers })
  }

  /** Sends a form and looks at the page that it leads to. */
  async submit(path: string, fields: Fields = {}): Promise<Seen> {
    const { status, location } = await this.post(path, fields)
    if (status !== 303 || location === null) throw new Error(`the form at ${path} was answered with ${status}`)
    return this.get(location)
  }

  async signIn(username: string, password: string, more: Fields = {}): Promise<Seen> {
    return this.submit('/login', { username, password, ...more })
  }

  /** Whether the service knows who this is. */
  async isSignedIn(): Promise<boolean> {
    return (await this.get('/')).status === 200
  }

  get cookie(): string {
    return [...this.cookies].map(([name, value]) => `${name}=${value}`).join('; ')
  }

  async #send(method: string, path: string, body: string | null, headers: Readonly<Record<string, string>>) {
    const own = { 'user-agent': this.#userAgent, ...(this.cookies.size === 0 ? {} : { cookie: this.cookie }) }
    const request = { method, body, headers: { ...own, ...headers }, redirect: 'manual' } as const
    const response = await fetch(new URL(path, this.#url), request)
    for (const line of response.headers.getSetCookie()) this.#keep(line)
    const { status } = response
    return {
      status,
      headers: response.headers,
      location: response.headers.get('location'),
      html: await response.text(),
    }
  }

  #keep(line: string): void {
    const [, name, value] = /^([^=]+)=([^;]*)/.exec(line)!
    if (line.includes('Max-Age=0')) this.cookies.delete(name!)
    else this.cookies.set(name!, value!)
  }
}

/** An answer, read to its end. */
export interface Seen {
  readonly status: number
  readonly headers: Headers
  readonly location: string | null
  readonly html: string
}

type Fields = Readonly<Record<string, string>>

const FIREFOX = 'Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:140.0) Gecko/20100101 Firefox/140.0'
export const IPHONE =
  'Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.1 Mobile/15E148 Safari/604.1'
export const CURL = 'curl/8.5.0'
const FORM = { 'content-type': 'application/x-www-form-urlencoded' }
const SAME_SITE = { 'sec-fetch-site': 'same-origin' }

/** The text of a page as it is read: without its tags, in single spaces. */
export function textOf(html: string): string {
  return html
    .replace(/<head>.*<\/head>/s, '')
    .replaceAll(/<[^>]*>/g, ' ')
    .replaceAll(/\s+/g, ' ')
    .trim()
}

/** What is said about the field of a form: its value, whether it is marked, and the texts it points to. */
export function fieldIn(html: string, name: string) {
  const tag = new RegExp(`<input id="${name}"[^>]*>`).exec(html)?.[0]
  if (tag === undefined) throw new Error(`the page has no field ${name}`)
  const ids = /aria-describedby="([^"]*)"/.exec(tag)?.[1]?.split(' ') ?? []
  return {
    value: /value="([^"]*)"/.exec(tag)?.[1] ?? null,
    isInvalid: tag.includes('aria-invalid="true"'),
    described: ids.map((id) => new RegExp(`id="${id}"[^>]*>([^<]*)`).exec(html)?.[1]).join(' '),
  }
}

import type { ApiKeyScope, IssuedApiKey } from '../../packages/sojourn/src/auth/index.ts'
import type { OpenServiceAnywhere } from '../support/service.ts'

/** An answer, read to its end: JSON as a value, everything else as text. */
export interface Answer {
  readonly status: number
  readonly headers: Headers
  readonly body: unknown
}

/** Who asks: with the cookie of a session, with a key, or with nothing. */
export class AdminClient {
  readonly #url: string
  readonly #credential: Readonly<Record<string, string>>

  constructor(url: string, credential: Readonly<Record<string, string>> = {}) {
    this.#url = url
    this.#credential = credential
  }

  /** The header that says who this is. */
  get credential(): Readonly<Record<string, string>> {
    return this.#credential
  }

  get(path: string, headers: Readonly<Record<string, string>> = {}): Promise<Answer> {
    return this.send('GET', path, undefined, headers)
  }

  post(path: string, body?: unknown, headers: Readonly<Record<string, string>> = {}): Promise<Answer> {
    return this.send('POST', path, body, headers)
  }

  async send(
    method: string,
    path: string,
    body?: unknown,
    headers: Readonly<Record<string, string>> = {},
  ): Promise<Answer> {
    const own = { ...this.#credential, origin: this.#url, ...headers }
    const type: Readonly<Record<string, string>> = body === undefined ? {} : { 'content-type': 'application/json' }
    const response = await fetch(new URL(path, this.#url), {
      method,
      headers: { ...type, ...own },
      body: body === undefined ? null : JSON.stringify(body),
      redirect: 'manual',
    })
    const text = await response.text()
    const isJson = /json/.test(response.headers.get('content-type') ?? '')
    return { status: response.status, headers: response.headers, body: isJson && text !== '' ? JSON.parse(text) : text }
  }
}

/** Signs a user in as a browser does. */
export async function signedIn(
  { url, auth }: OpenServiceAnywhere,
  username: string,
  password: string,
): Promise<AdminClient & { readonly token: string }> {
  const response = await fetch(`${url}/auth/login`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', origin: url },
    body: JSON.stringify({ username, password }),
  })
  const [line] = response.headers.getSetCookie()
  if (response.status !== 200 || line === undefined) {
    throw new Error(`${username} cannot sign in: ${response.status}, ${(await auth.getUser(username))?.role}`)
  }
  const cookie = line.slice(0, line.indexOf(';'))
  const token = cookie.slice(cookie.indexOf('=') + 1)
  return Object.assign(new AdminClient(url, { cookie }), { token })
}

/** The operator of a service, just signed in. */
export function operatorOf(opened: OpenServiceAnywhere): ReturnType<typeof signedIn> {
  return signedIn(opened, opened.operator.username, opened.operator.password)
}

/** A program with a new key. */
export async function keyed(
  { url, service }: OpenServiceAnywhere,
  ...scopes: readonly ApiKeyScope[]
): Promise<AdminClient & { readonly issued: IssuedApiKey }> {
  const issued = await service.keys.create({ name: 'nightly report', scopes, createdBy: 'operator:grace' })
  return Object.assign(new AdminClient(url, { authorization: `Bearer ${issued.secret}` }), { issued })
}

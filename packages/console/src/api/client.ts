import { isAttended } from './attendance.ts'
import { RequestError, problemSentence, silenceSentence } from './problem.ts'
import type { Problem } from './problem.ts'
import { proofDesk } from './proof.ts'

export interface RequestOptions {
  /** Default `GET`. */
  readonly method?: 'GET' | 'POST' | 'DELETE'
  /** Sent as JSON. */
  readonly body?: object | undefined
  readonly signal?: AbortSignal
}

/**
 * Asks the service and answers with what it says. Throws a `RequestError`, whose message is a sentence to show. Who is
 * signed out is taken to sign in, and comes back to the same place; where a recent proof of identity is wanted it is
 * asked for, and the request made again.
 */
export async function request<T>(path: string, options: RequestOptions = {}): Promise<T> {
  try {
    return await attempt<T>(path, options)
  } catch (error) {
    if (!(error instanceof RequestError) || error.code !== 'reauth_required') throw error
    if (await proofDesk.ask()) return await attempt<T>(path, options)
    const message = 'Nothing was done: this needs a proof that it is you.'
    throw new RequestError(message, { status: 403, code: 'proof_declined' }, { cause: error })
  }
}

async function attempt<T>(path: string, options: RequestOptions): Promise<T> {
  const response = await send(path, options)
  if (response.ok) return (response.status === 204 ? undefined : await response.json()) as T
  if (response.status === 401) return goSignIn()
  const isWrite = (options.method ?? 'GET') !== 'GET'
  const problem = await problemIn(response)
  throw new RequestError(problemSentence(problem, isWrite), problem)
}

async function send(path: string, { method = 'GET', body, signal }: RequestOptions): Promise<Response> {
  const headers: Record<string, string> = { accept: 'application/json' }
  if (!isAttended()) headers['sojourn-passive'] = '1'
  if (body !== undefined) headers['content-type'] = 'application/json'
  try {
    return await fetch(path, {
      method,
      headers,
      redirect: 'error',
      ...(body !== undefined && { body: JSON.stringify(body) }),
      ...(signal !== undefined && { signal }),
    })
  } catch (error) {
    if (signal?.aborted === true) throw error
    throw new RequestError(silenceSentence(method !== 'GET'), { status: 0, code: 'no_answer' }, { cause: error })
  }
}

async function problemIn(response: Response): Promise<Problem> {
  const { status } = response
  try {
    return { code: 'unknown', ...((await response.json()) as Partial<Problem>), status }
  } catch {
    // A proxy in between may answer with a page of its own.
    return { status, code: 'unknown' }
  }
}

/** The page is being left, so nothing that waits for this answer shall show anything any more. */
function goSignIn(): Promise<never> {
  const { pathname, search } = window.location
  window.location.assign(`/login?next=${encodeURIComponent(pathname + search)}`)
  return Promise.withResolvers<never>().promise
}

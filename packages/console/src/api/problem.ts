/** A refusal as the service words it (RFC 9457), as far as pages need it. */
export interface Problem {
  readonly status: number
  readonly code: string
  readonly title?: string | undefined
  readonly detail?: string | undefined
  /** Seconds to wait before trying again. */
  readonly retryAfter?: number | undefined
  /** For `count_changed`: how many there are now. */
  readonly count?: number | undefined
}

/** A request that did not succeed. Its message is a sentence to show. */
export class RequestError extends Error {
  readonly status: number
  readonly code: string
  readonly count: number | undefined

  constructor(message: string, { status, code, count }: Problem, options?: ErrorOptions) {
    super(message, options)
    this.name = 'RequestError'
    this.status = status
    this.code = code
    this.count = count
  }

  /** Whether nobody knows what became of the request, so that asking again may help. */
  get isUncertain(): boolean {
    return this.status === 0 || this.status >= 500
  }
}

/** What to tell the operator. `isWrite`: the request was to change something, and may have. */
export function problemSentence(problem: Problem, isWrite: boolean): string {
  const { status, code, detail, title, retryAfter } = problem
  const wait = retryAfter === undefined ? 'a moment' : waitOf(retryAfter)
  switch (code) {
    case 'forbidden':
      return 'This is for operators, and you are not one at the moment.'
    case 'wrong_password':
      return 'That is not your password. Try again.'
    case 'throttled':
      return `There were too many attempts. Wait ${wait}, then try again.`
    case 'not_found':
      return 'There is nothing here any more. It may have been deleted.'
    case 'cross_origin':
      return 'The service did not take this for a request of its own page, so nothing was done. Reload the page and try again.'
    case 'count_changed':
      return 'There are more of them now than you have seen. Look again before you go on.'
    default:
      if (status >= 500) {
        return isWrite
          ? `The service cannot tell whether this was done. Wait ${wait}, look, and repeat it only if it was not.`
          : `The service cannot tell right now. Wait ${wait}, then try again.`
      }
      return asSentence(detail ?? title ?? 'the service did not accept this; reload the page and try again')
  }
}

/** What to tell when there was no answer at all. */
export function silenceSentence(isWrite: boolean): string {
  return isWrite
    ? 'The service did not answer, so it is not known whether this was done. Check the connection, look, and repeat it only if it was not.'
    : 'The service cannot be reached. Check the connection, then try again.'
}

function waitOf(seconds: number): string {
  if (seconds <= 90) return `${seconds} ${seconds === 1 ? 'second' : 'seconds'}`
  return `${Math.ceil(seconds / 60)} minutes`
}

/** A message of the service, such as `the name is empty; give it one`, as it may stand in a text. */
function asSentence(message: string): string {
  const text = message.charAt(0).toUpperCase() + message.slice(1)
  return /[.!?]$/.test(text) ? text : `${text}.`
}

import { span } from './time.tsx'

/** A problem of the routes below `/auth`, as far as pages need it. */
export interface Problem {
  readonly status: number
  readonly code: string
  readonly detail?: string | undefined
  readonly retryAfter?: number | undefined
}

/** The fields that forms of ours have. A `newPassword` is one that is being chosen. */
export type FieldName = 'username' | 'password' | 'newPassword'

/** What to tell a person, and which field it is about; null where it is about none. */
export interface Complaint {
  readonly field: FieldName | null
  readonly text: string
}

/** The least length of a password, as the service asks for it. */
export const PASSWORD_LENGTH = 15

/** A problem in a person's words, for the page with the form that ran into it. */
export function complaintOf({ code, detail, retryAfter, status }: Problem): Complaint {
  const wait = retryAfter === undefined ? 'a moment' : span(retryAfter)
  switch (code) {
    case 'invalid_credentials':
      return about(null, 'That username and password do not go together. Check both and try again.')
    case 'wrong_password':
      return about('password', 'That is not your password. Try again.')
    case 'username_taken':
      return about('username', 'Somebody already has that username. Choose another one.')
    case 'username_invalid':
      return about('username', `That username cannot be used. ${sentence(detail ?? 'choose another one')}`)
    case 'password_too_short':
      return about('newPassword', `That password is too short. Use at least ${PASSWORD_LENGTH} characters.`)
    case 'password_too_long':
      return about('newPassword', 'That password is too long. Use a shorter one.')
    case 'password_common':
      return about('newPassword', 'That password is one of the first that are tried. Choose one nobody would think of.')
    case 'password_username':
      return about('newPassword', 'That password follows from your username. Choose one that does not.')
    case 'password_malformed':
      return about('newPassword', 'That password has a character that cannot be read. Choose another one.')
    case 'session_limit':
      return about(null, 'You are signed in on as many devices as you may be. Sign out on one of them first.')
    case 'throttled':
      return about(null, `There were too many attempts. Wait ${wait}, then try again.`)
    case 'overloaded':
      return about(null, `Too many people are signing in right now. Wait ${wait}, then try again.`)
    case 'cross_origin':
      return about(null, 'This did not come from our own page, so nothing was done. Open the page again and retry.')
    case 'not_found':
      return about(null, 'There is nothing here. It may have been here once.')
    case 'headers_too_large':
      return about(null, 'Your browser sent more cookies than can be read. Clear the cookies of this site and retry.')
    case 'insecure_host':
      return about(null, 'In development this is served to this very machine only. Open it by its local address.')
    default:
      return status >= 500
        ? about(null, `We cannot tell right now. You were not signed out. Wait ${wait}, then try again.`)
        : about(null, 'We could not understand that. Go back, reload the page and try again.')
  }
}

function about(field: FieldName | null, text: string): Complaint {
  return { field, text }
}

/** A message of the library, such as `username is empty; give …`, as it may stand in a text. */
function sentence(message: string): string {
  return `${message.charAt(0).toUpperCase()}${message.slice(1)}.`
}

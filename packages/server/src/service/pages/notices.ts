/**
 * What a page says about what has just been done. Redirects carry the code (`?done=ended`) and never text, so that
 * nobody can put words into our mouth by a link.
 */
const NOTICES = {
  'signed-out': 'You are signed out on this device.',
  over: 'You are no longer signed in here. Please sign in again.',
  registered: 'Welcome! Your account is ready and you are signed in.',
  created: 'Your account is ready. Please sign in.',
  ended: 'That device is signed out.',
  gone: 'That device was signed out already.',
  'others-ended': 'You are signed out everywhere else.',
  'password-changed': 'Your password is changed, and your other devices are signed out.',
  confirmed: 'Thank you. You have confirmed that it is you.',
} as const

export type NoticeCode = keyof typeof NOTICES

/** The sentence for a code; null for everything that is no code. */
export function notice(code: string | undefined): string | null {
  return code !== undefined && Object.hasOwn(NOTICES, code) ? NOTICES[code as NoticeCode] : null
}

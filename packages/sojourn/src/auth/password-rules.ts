import { SojournError, shown } from '../core/errors.ts'
import { commonPasswords, isPredictable } from './common-passwords.ts'

/** What a new password must be. Anything left out has the default. */
export interface PasswordRuleOptions {
  /** Code points. Default 15, which suits a password that is the only factor; 8 at least, beside a second factor. At most 64. */
  readonly minLength?: number | undefined
  /** Names that must not be all there is to a password, such as the product's. The username is always among them. */
  readonly names?: readonly string[] | undefined
  /** Asked as well as the built-in list: true refuses the password. For lists of breached passwords. */
  readonly blocklist?: ((password: string) => boolean | Promise<boolean>) | undefined
}

/** Why a password cannot be used, and the sentence to show. Codes never change. */
export interface PasswordProblem {
  readonly reason: 'too_short' | 'too_long' | 'common' | 'username' | 'malformed'
  readonly message: string
}

/** A password as it is hashed, or what is wrong with it. */
export type ReadPassword = { readonly ok: true; readonly password: string } | ({ readonly ok: false } & PasswordProblem)

const DEFAULT_MIN_LENGTH = 15
const LEAST_MIN_LENGTH = 8
const MOST_MIN_LENGTH = 64
const BYTES_LIMIT = 1_024
/** No text longer than this comes down to `BYTES_LIMIT` by composing, so it need not be tried. */
const UNITS_LIMIT = 4 * BYTES_LIMIT

/**
 * Brings a password into the one form that is hashed and verified: composed (NFC), otherwise exactly as typed. At
 * most 1,024 bytes; longer ones are refused and never cut.
 */
export function readPassword(password: unknown): ReadPassword {
  if (typeof password !== 'string') return problem('malformed', `password is ${typeof password}; give text`)
  if (password.length > UNITS_LIMIT) return TOO_LONG
  if (!password.isWellFormed()) return problem('malformed', 'password contains half a character; give well-formed text')
  const composed = password.normalize('NFC')
  return Buffer.byteLength(composed) > BYTES_LIMIT ? TOO_LONG : { ok: true, password: composed }
}

/** Says whether somebody may take a password. There are no rules on which kinds of characters it must have. */
export class PasswordRules {
  readonly #minLength: number
  readonly #names: readonly string[]
  readonly #blocklist: NonNullable<PasswordRuleOptions['blocklist']>

  /** Throws `invalid_option` for a minimum length outside 8 to 64. */
  constructor(options: PasswordRuleOptions = {}) {
    this.#minLength = checkedLength(options.minLength ?? DEFAULT_MIN_LENGTH)
    this.#names = options.names ?? []
    this.#blocklist = options.blocklist ?? (() => false)
  }

  /** The password in the form to hash, or why this user cannot have it. */
  async check(password: unknown, username: string): Promise<ReadPassword> {
    const read = readPassword(password)
    if (!read.ok) return read
    if (Array.from(read.password).length < this.#minLength) {
      return problem('too_short', `password is too short; give at least ${this.#minLength} characters`)
    }
    const lower = read.password.toLowerCase()
    if (isMadeOf(lower, [username, username.split('@')[0]!])) {
      return problem('username', 'password is made of the username; choose one that does not follow from it')
    }
    if (
      isPredictable(lower) ||
      isMadeOf(lower, [...COMMON_WORDS, ...this.#names]) ||
      (await this.#isListed(read.password, lower))
    ) {
      return problem('common', 'password is one that is tried first; choose one that nobody else would think of')
    }
    return read
  }

  async #isListed(password: string, lower: string): Promise<boolean> {
    return (await commonPasswords()).has(lower) || this.#blocklist(password)
  }
}

const COMMON_WORDS = [
  'sojourn',
  'password',
  'passwort',
  'passwd',
  'passphrase',
  'letmein',
  'welcome',
  'administrator',
  'admin',
  'root',
  'changeme',
  'secret',
  'iloveyou',
  'login',
  'default',
  'test',
  'guest',
  'user',
  'master',
  'monkey',
  'dragon',
]

/** Whether nothing but digits and signs is left of a password when the words are taken out. */
function isMadeOf(lower: string, words: readonly string[]): boolean {
  const known = words.filter((word) => word !== '').map((word) => word.toLowerCase())
  const rest = known.reduce((left, word) => left.replaceAll(word, ''), lower)
  return rest !== lower && !/\p{L}/u.test(rest)
}

function checkedLength(length: number): number {
  if (!Number.isInteger(length) || length < LEAST_MIN_LENGTH || length > MOST_MIN_LENGTH) {
    throw new SojournError(
      'invalid_option',
      `passwords.minLength is ${shown(length)}; give a whole number from ${LEAST_MIN_LENGTH} to ${MOST_MIN_LENGTH}`,
    )
  }
  return length
}

function problem(reason: PasswordProblem['reason'], message: string): { readonly ok: false } & PasswordProblem {
  return { ok: false, reason, message }
}

const TOO_LONG = problem('too_long', `password takes more than ${BYTES_LIMIT} bytes; give a shorter one`)

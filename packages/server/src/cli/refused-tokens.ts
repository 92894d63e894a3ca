import { wrongUsage } from './failure.ts'

const ID = '[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}'
/** A token of ours, also with something around it, as in a pasted header or an option's value. */
const TOKEN = new RegExp(`(${ID})\\.[A-Za-z0-9_-]{20,}`, 'i')
/** A key of a program. */
const API_KEY = /sjk_([0-9a-f]{16})\.[A-Za-z0-9_-]{20,}/i
/** A token adopted from another system: random, so it mixes cases, which no username in its stored form does. */
const ADOPTED_TOKEN = /^(?=.*[a-z])(?=.*[A-Z])[A-Za-z0-9_-]{43}$/

/** Refuses arguments in which a token or a key stands, without repeating it: it is already in the shell's history. */
export function refuseTokens(args: readonly string[]): void {
  for (const argument of args) {
    const key = API_KEY.exec(argument)?.[1]
    if (key !== undefined) {
      throw wrongUsage(
        "a key was given as an argument, where other users of this machine and the shell's history can read it; " +
          `revoke it with 'sojourn key revoke ${key.toLowerCase()}', and make another one`,
      )
    }
    const id = TOKEN.exec(argument)?.[1]
    if (id === undefined && !ADOPTED_TOKEN.test(argument)) continue
    const advice = id === undefined ? 'end that session' : `end that session with 'sojourn revoke ${id.toLowerCase()}'`
    throw wrongUsage(
      `a token was given as an argument, where other users of this machine and the shell's history can read it; ${advice}, ` +
        "and give tokens at the prompt or on standard input, as in 'sojourn validate < token.txt'",
    )
  }
}

/** Fails when something other than `-` was given where a token is read from standard input. It is not repeated: it may be one. */
export function assertStandardInput(source: string | undefined, command: string): void {
  if (source === undefined || source === '-') return
  throw wrongUsage(
    `${command} takes no token as an argument, where other users and the shell's history can read it; ` +
      `run 'sojourn ${command}' and paste it at the prompt, or 'sojourn ${command} < token.txt'`,
  )
}

import { inspect } from 'node:util'
import type { Session } from './session.ts'
import type { Token } from './token.ts'

/**
 * A session and the token that proves it, handed out together and only here. Printing it, logging it or turning
 * it into JSON shows `[redacted]` where the token is; read `token` to hand it to the client.
 */
export class Issued {
  readonly ok = true
  readonly session: Session
  /** What the client holds from now on. It is shown this once. */
  readonly token: Token

  constructor(session: Session, token: Token) {
    this.session = session
    this.token = token
  }

  toJSON(): object {
    return { ok: this.ok, session: this.session, token: '[redacted]' }
  }

  toString(): string {
    return `Issued { session: ${this.session.id}, token: [redacted] }`
  }

  [inspect.custom](): object {
    return this.toJSON()
  }
}

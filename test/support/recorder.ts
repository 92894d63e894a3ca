import { SojournError } from '../../packages/sojourn/src/index.ts'
import type { RevokeTarget, SessionId, SessionManager, Token } from '../../packages/sojourn/src/index.ts'
import type { Chance } from './chance.ts'
import type { Operation } from './history-checker.ts'

/** One of several nodes that clients turn to. */
export interface RecordedNode {
  readonly name: string
  readonly sessions: SessionManager
}

/** A session that somebody was told of. */
export interface KnownSession {
  readonly id: SessionId
  readonly userId: string
  /** In the order in which they were handed out. */
  readonly tokens: Token[]
}

interface UserEnd {
  readonly userId: string
  readonly node: string
  readonly calledAt: number
  readonly returnedAt: number
}

/** Does things at a node and writes down when, where and what came of it. */
export class Recorder {
  /** Those whose login was answered. */
  readonly sessions: KnownSession[] = []
  readonly #time: { readonly now: number }
  readonly #operations: Operation[] = []
  readonly #userEnds: UserEnd[] = []
  #answered = 0
  #last = 0

  constructor(time: { readonly now: number }) {
    this.#time = time
  }

  /** How many calls that are written down were answered. */
  get answered(): number {
    return this.#answered
  }

  /** One of the newest. */
  recentSession(chance: Chance, among = 12): KnownSession {
    return chance.pick(this.sessions.slice(-among))
  }

  create(userId: string): (node: RecordedNode) => Promise<void> {
    return async (node) => {
      const calledAt = this.#moment()
      const login = await settled(node.sessions.create({ userId, username: userId }))
      if (login === null) return
      const { id } = login.session
      this.#write(id, 'create', node, calledAt, 'yes')
      this.sessions.push({ id, userId, tokens: [login.token] })
    }
  }

  validate({ id, tokens }: KnownSession): (node: RecordedNode) => Promise<void> {
    const calledAt = this.#moment()
    return async (node) => {
      const check = await settled(node.sessions.validate(tokens.at(-1)))
      if (check?.ok === true && check.session.id !== id) throw new Error(`'${id}' was taken for '${check.session.id}'`)
      this.#write(id, 'validate', node, calledAt, check === null ? 'unknown' : check.ok ? 'yes' : 'no')
    }
  }

  renew({ id, tokens }: KnownSession): (node: RecordedNode) => Promise<void> {
    return async (node) => {
      const renewed = await settled(node.sessions.renew(id))
      if (renewed?.ok === true && tokens.length === 1) tokens.push(renewed.token)
    }
  }

  revoke({ id }: KnownSession): (node: RecordedNode) => Promise<void> {
    const calledAt = this.#moment()
    return async (node) => {
      const revocation = await settled(node.sessions.revoke({ id }))
      this.#write(id, 'end', node, calledAt, revocation === null ? 'unknown' : 'yes')
    }
  }

  logOut({ id, tokens }: KnownSession): (node: RecordedNode) => Promise<void> {
    const calledAt = this.#moment()
    return async (node) => {
      const isEnded = await settled(node.sessions.end(tokens.at(-1)))
      this.#write(id, 'end', node, calledAt, isEnded === null ? 'unknown' : 'yes')
    }
  }

  revokeAll(userId: string, whom: (userId: string) => RevokeTarget): (node: RecordedNode) => Promise<void> {
    const calledAt = this.#moment()
    return async (node) => {
      const revocation = await settled(node.sessions.revoke(whom(userId)))
      const returnedAt = revocation === null ? Infinity : this.#moment()
      this.#userEnds.push({ userId, node: node.name, calledAt, returnedAt })
    }
  }

  /** With the ends of users told of each of their sessions: certain of those that were there before, possible for those that came meanwhile. */
  history(): readonly Operation[] {
    const created = new Map(
      this.#operations.filter(({ kind }) => kind === 'create').map((each) => [each.session, each] as const),
    )
    const ofUsers = this.#userEnds.flatMap(({ userId, ...end }) =>
      this.sessions
        .filter((session) => session.userId === userId)
        .map(({ id }): Operation => {
          const isCertain = created.get(id)!.returnedAt < end.calledAt && end.returnedAt < Infinity
          const known = isCertain ? end : { ...end, returnedAt: Infinity }
          return { ...known, session: id, kind: 'end', outcome: isCertain ? 'yes' : 'unknown' }
        }),
    )
    return [...this.#operations, ...ofUsers]
  }

  #write(
    session: SessionId,
    kind: Operation['kind'],
    { name: node }: RecordedNode,
    calledAt: number,
    outcome: Operation['outcome'],
  ): void {
    const returnedAt = outcome === 'unknown' ? Infinity : this.#moment()
    if (outcome !== 'unknown') this.#answered += 1
    this.#operations.push({ session, kind, node, calledAt, returnedAt, outcome })
  }

  /** The time it is, and a little more than the moment before. */
  #moment(): number {
    this.#last = Math.max(this.#time.now, this.#last + 1e-6)
    return this.#last
  }
}

/** Null when nobody knows what came of it. Anything but an engine that cannot be reached is a fault of ours. */
async function settled<Answer>(call: Promise<Answer>): Promise<Answer | null> {
  try {
    return await call
  } catch (error) {
    if (error instanceof SojournError && error.code === 'store_unavailable') return null
    throw error
  }
}

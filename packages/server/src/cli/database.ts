import { SessionManager, isSojournError } from 'sojourn'
import type { PolicyOptions, Session, Store } from 'sojourn'
import type { ApiKeys, AuthManager, User, UserStore } from 'sojourn/auth'
import type { Cli } from './cli.ts'
import { IN_MEMORY } from './database-url.ts'
import type { Engine, OpenedEngine } from './engines/engine.ts'
import { namedEngine } from './engines/named.ts'
import { SqliteEngine } from './engines/sqlite.ts'
import { Failure, notFound } from './failure.ts'

/**
 * The application decides how long its sessions live and has written it down with each of them. This program
 * goes by what is written: limits of its own would end sessions that the application lets live.
 */
export const AS_RECORDED = { idleTimeout: '3650d', absoluteLifetime: '3650d' } as const satisfies PolicyOptions

/** How long a call of a command may take: a person waits, and no request does. */
export const PATIENCE = '30s'

/** How a command wants the database. */
export interface OpenOptions {
  /** Make the database and our tables if they are not there. Default false: one sentence says what to run. */
  readonly create?: boolean
  /** Default: what is recorded with each session. */
  readonly policy?: PolicyOptions
}

/** An open database. Closing it writes down what is still in memory. */
export class Database {
  readonly sessions: SessionManager
  readonly #opened: OpenedEngine

  constructor(opened: OpenedEngine, policy: PolicyOptions) {
    this.#opened = opened
    this.sessions = new SessionManager({ store: opened.store, policy })
  }

  get store(): Store {
    return this.#opened.store
  }

  get users(): UserStore {
    return this.#opened.users
  }

  /** Passwords and users, loaded only where they are needed. */
  async auth(): Promise<AuthManager> {
    const { AuthManager } = await import('sojourn/auth')
    return new AuthManager({ sessions: this.sessions, users: this.users })
  }

  /** The keys of programs. */
  async keys(): Promise<ApiKeys> {
    const { ApiKeys } = await import('sojourn/auth')
    return new ApiKeys({ store: this.#opened.apiKeys })
  }

  /** The user of this name, or a failure that says there is none. */
  async user(name: string): Promise<User> {
    const user = await (await this.auth()).getUser(name)
    if (user === null) throw notFound(`there is no user '${name}'; 'sojourn user list' shows who there is`)
    return user
  }

  /** The session of this id, or a failure that says there is none. */
  async session(id: string): Promise<Session> {
    const session = await this.sessions.get(id)
    if (session === null) throw notFound(`there is no session '${id}'; 'sojourn list --all' shows those that are kept`)
    return session
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      await this.sessions.close()
    } finally {
      await this.#opened.close()
    }
  }
}

/** Opens the database that was named. Fails with one sentence for everything that can be wrong with it. */
export async function openDatabase(cli: Cli, options: OpenOptions = {}): Promise<Database> {
  return open(namedEngine(cli), options)
}

/**
 * The database that was named, to compare with and never to write to. One that is not there yet, or has no tables
 * of ours, is stood in for by an empty one in memory.
 */
export async function openForRehearsal(cli: Cli): Promise<Database> {
  try {
    return await openDatabase(cli)
  } catch (error) {
    const isMissing = error instanceof Failure ? error.code === 'no_database' : isSojournError(error, 'schema_missing')
    if (!isMissing) throw error
    return open(new SqliteEngine(IN_MEMORY, 'default'), { create: true })
  }
}

async function open(engine: Engine, { create = false, policy = AS_RECORDED }: OpenOptions): Promise<Database> {
  return new Database(await engine.open({ create, deadline: PATIENCE }), policy)
}

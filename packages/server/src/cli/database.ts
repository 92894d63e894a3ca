import { statSync } from 'node:fs'
import { dirname } from 'node:path'
import { SessionManager, SojournError, isSojournError } from 'sojourn'
import type { PolicyOptions, Session } from 'sojourn'
import type { ApiKeys, AuthManager, User, UserStore } from 'sojourn/auth'
import type { MigrationStatus, SqliteStore } from 'sojourn/sqlite'
import type { Cli } from './cli.ts'
import { IN_MEMORY, databasePath } from './database-url.ts'
import { failed, notFound } from './failure.ts'

/**
 * The application decides how long its sessions live and has written it down with each of them. This program
 * goes by what is written: limits of its own would end sessions that the application lets live.
 */
export const AS_RECORDED = { idleTimeout: '3650d', absoluteLifetime: '3650d' } as const satisfies PolicyOptions

/** How a command wants the database. */
export interface OpenOptions {
  /** Make the file and our tables if they are not there. Default false: one sentence says what to run. */
  readonly create?: boolean
  /** Default: what is recorded with each session. */
  readonly policy?: PolicyOptions
}

/** An open database. Closing it writes down what is still in memory. */
export class Database {
  readonly path: string
  readonly store: SqliteStore
  readonly sessions: SessionManager

  constructor(path: string, store: SqliteStore, policy: PolicyOptions) {
    this.path = path
    this.store = store
    this.sessions = new SessionManager({ store, policy })
  }

  get users(): UserStore {
    return this.store.users
  }

  /** Passwords and users, loaded only where they are needed. */
  async auth(): Promise<AuthManager> {
    const { AuthManager } = await import('sojourn/auth')
    return new AuthManager({ sessions: this.sessions, users: this.store.users })
  }

  /** The keys of programs. */
  async keys(): Promise<ApiKeys> {
    const { ApiKeys } = await import('sojourn/auth')
    return new ApiKeys({ store: this.store.apiKeys })
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
    await this.sessions.close()
  }
}

/** Opens the database that was named. Fails with one sentence for everything that can be wrong with it. */
export async function openDatabase(cli: Cli, options: OpenOptions = {}): Promise<Database> {
  const path = databasePath(cli.database.url)
  const isCreated = options.create === true || path === IN_MEMORY
  if (isCreated) assertCreatable(path)
  else assertThere(cli, path)
  const { SqliteStore, sqliteMigrations } = await import('sojourn/sqlite')
  if (!isCreated) assertOurs(path, sqliteMigrations(path).status())
  const store = SqliteStore.open(path, { migrate: isCreated, mustExist: !isCreated })
  return new Database(path, store, options.policy ?? AS_RECORDED)
}

/**
 * The database that was named, to compare with and never to write to. One that is not there yet, or has no tables
 * of ours, is stood in for by an empty one in memory.
 */
export async function openForRehearsal(cli: Cli): Promise<Database> {
  const path = databasePath(cli.database.url)
  const { SqliteStore } = await import('sojourn/sqlite')
  const inMemory = (): Database => new Database(IN_MEMORY, SqliteStore.open(IN_MEMORY, { migrate: true }), AS_RECORDED)
  if (statSync(path, { throwIfNoEntry: false }) === undefined) return inMemory()
  try {
    return await openDatabase(cli)
  } catch (error) {
    if (isSojournError(error, 'schema_missing')) return inMemory()
    throw error
  }
}

/** Fails unless there is a file at the path. */
export function assertThere(cli: Cli, path: string): void {
  const found = statSync(path, { throwIfNoEntry: false })
  if (found === undefined) {
    throw failed(
      'no_database',
      `there is no database at '${path}' (from ${cli.database.source}); run 'sojourn migrate' to make one there, or name another with --database`,
    )
  }
  assertNoFolder(path, found.isDirectory())
}

/** Fails unless a file is at the path or can be made there. */
export function assertCreatable(path: string): void {
  if (path === IN_MEMORY) return
  const found = statSync(path, { throwIfNoEntry: false })
  assertNoFolder(path, found?.isDirectory() === true)
  const folder = dirname(path)
  if (statSync(folder, { throwIfNoEntry: false })?.isDirectory() !== true) {
    throw failed(
      'no_folder',
      `there is no folder '${folder}' to make a database in; make the folder first, or name another place with --database`,
    )
  }
}

/** Looked at before the database is opened for writing, which would change the journal mode of somebody else's. */
function assertOurs(path: string, { applied, pending }: MigrationStatus): void {
  if (pending.length === 0) return
  if (applied.length === 0) {
    throw new SojournError(
      'schema_missing',
      `'${path}' has no tables of sojourn; run 'sojourn migrate' to add them, or name another database with --database`,
    )
  }
  const needed = applied.length + pending.length
  throw new SojournError(
    'schema_outdated',
    `'${path}' is at version ${applied.length} and this release needs ${needed}; run 'sojourn migrate'`,
  )
}

function assertNoFolder(path: string, isFolder: boolean): void {
  if (isFolder) throw failed('not_a_file', `'${path}' is a folder; name the database file in it with --database`)
}

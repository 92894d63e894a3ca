/** A statement as it is handed to a client. */
export interface PostgresQuery {
  readonly text: string
  /** Left out where the text may be several statements. */
  readonly values?: readonly unknown[]
  /** Under which a connection remembers the statement; left out for one that is parsed each time. */
  readonly name?: string
  readonly rowMode?: 'array'
}

/** What a client answers: rows, each as its columns in the order they were asked for. */
export interface PostgresResult {
  readonly rows: readonly unknown[]
}

/** What a server tells whoever listens, as `pg` hands it over. */
export interface PostgresNotification {
  readonly channel: string
  readonly payload?: string | undefined
}

/** The methods we call on one connection, as `pg` has them. */
export interface PostgresClient {
  query(query: PostgresQuery): Promise<PostgresResult>
  /** Gives the connection back; with true it is destroyed instead. */
  release(destroy?: boolean): void
  on?(event: 'error', listener: (error: Error) => void): unknown
  on?(event: 'notification', listener: (notification: PostgresNotification) => void): unknown
  removeListener?(event: 'error', listener: (error: Error) => void): unknown
}

/** The methods we call on a pool of connections: a `Pool` of `pg`, or `poolOf` an engine in this process. */
export interface PostgresPool {
  connect(): Promise<PostgresClient>
  end?(): Promise<unknown>
  /** Needed for hints: how many connections there are at most. */
  readonly options?: { readonly max?: number | undefined } | undefined
  on?(event: 'error', listener: (error: Error) => void): unknown
  on?(event: 'connect', listener: (client: PostgresClient) => void): unknown
  removeListener?(event: 'error', listener: (error: Error) => void): unknown
  removeListener?(event: 'connect', listener: (client: PostgresClient) => void): unknown
}

/** The methods we call on PGlite, a PostgreSQL inside the process. */
export interface PGliteDatabase {
  query(text: string, values: unknown[], options: { readonly rowMode: 'array' }): Promise<PostgresResult>
  exec(text: string): Promise<unknown>
  close?(): Promise<unknown>
}

/** A pool of one connection over PGlite, for tests that need no server: whoever connects waits until it is given back. */
export function poolOf(database: PGliteDatabase): PostgresPool {
  let turn: Promise<void> = Promise.resolve()
  let giveBack = (): void => undefined
  const client: PostgresClient = {
    async query({ text, values }) {
      if (values !== undefined) return database.query(text, [...values], { rowMode: 'array' })
      await database.exec(text)
      return { rows: [] }
    },
    release: () => giveBack(),
  }
  return {
    async connect() {
      const before = turn
      const { promise, resolve } = Promise.withResolvers<void>()
      turn = promise
      await before
      giveBack = resolve
      return client
    },
    end: async () => database.close?.(),
  }
}

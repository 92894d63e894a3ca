import { statSync } from 'node:fs'
import { dirname } from 'node:path'
import { SojournError } from 'sojourn'
import type { MigrationStatus } from 'sojourn/sqlite'
import { IN_MEMORY } from '../database-url.ts'
import { failed } from '../failure.ts'
import type { DatabaseSource, Engine, EngineMigrations, EngineOptions, OpenedEngine } from './engine.ts'

/** Sessions, users and keys in one SQLite file. */
export class SqliteEngine implements Engine {
  readonly kind = 'sqlite'
  /** The absolute path of the file, or `:memory:`. */
  readonly place: string
  readonly #source: DatabaseSource

  constructor(path: string, source: DatabaseSource) {
    this.place = path
    this.#source = source
  }

  assertThere(): void {
    if (this.place === IN_MEMORY) return
    const found = statSync(this.place, { throwIfNoEntry: false })
    if (found === undefined) {
      throw failed(
        'no_database',
        `there is no database at '${this.place}' (from ${this.#source}); run 'sojourn migrate' to make one there, or name another with --database`,
      )
    }
    this.#assertNoFolder(found.isDirectory())
  }

  async open({ create }: EngineOptions): Promise<OpenedEngine> {
    const isCreated = create || this.place === IN_MEMORY
    if (isCreated) this.#assertCreatable()
    else this.assertThere()
    const { SqliteStore, sqliteMigrations } = await import('sojourn/sqlite')
    if (!isCreated) assertOurs(this.place, sqliteMigrations(this.place).status())
    const store = SqliteStore.open(this.place, { migrate: isCreated, mustExist: !isCreated })
    const { users, apiKeys } = store
    return { store, users, apiKeys, memory: null, close: () => store.close() }
  }

  async migrations(): Promise<EngineMigrations> {
    const { sqliteMigrations } = await import('sojourn/sqlite')
    const migrations = sqliteMigrations(this.place)
    return {
      place: this.place,
      remark: null,
      status: async () => ({
        ...migrations.status(),
        exists: statSync(this.place, { throwIfNoEntry: false }) !== undefined,
      }),
      up: async () => {
        this.#assertCreatable()
        return migrations.up()
      },
      down: async () => migrations.down(),
      print: async () => migrations.print(),
      close: async () => migrations.close(),
    }
  }

  async bytes(): Promise<number> {
    return statSync(this.place, { throwIfNoEntry: false })?.size ?? 0
  }

  #assertCreatable(): void {
    if (this.place === IN_MEMORY) return
    const found = statSync(this.place, { throwIfNoEntry: false })
    this.#assertNoFolder(found?.isDirectory() === true)
    const folder = dirname(this.place)
    if (statSync(folder, { throwIfNoEntry: false })?.isDirectory() !== true) {
      throw failed(
        'no_folder',
        `there is no folder '${folder}' to make a database in; make the folder first, or name another place with --database`,
      )
    }
  }

  #assertNoFolder(isFolder: boolean): void {
    if (isFolder)
      throw failed('not_a_file', `'${this.place}' is a folder; name the database file in it with --database`)
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

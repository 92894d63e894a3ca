import type {
  AdoptedUser,
  AdoptionCount,
  PasswordChange,
  Role,
  UserChange,
  UserFilter,
  UserRecord,
  UserStore,
} from '../../auth/users.ts'
import type { AttemptStore } from '../../auth/throttle.ts'
import type { Mark } from '../../core/events.ts'
import type { RecordMemory } from './record-memory.ts'

/** The users of a store that is cached: what takes authority away is denied here first. */
export class CachedUsers implements UserStore {
  readonly attempts: AttemptStore
  readonly #users: UserStore
  readonly #memory: RecordMemory

  constructor(users: UserStore, memory: RecordMemory) {
    this.attempts = users.attempts
    this.#users = users
    this.#memory = memory
  }

  setPassword(id: string, change: PasswordChange, mark: Mark): Promise<UserChange> {
    return this.#denying(id, () => this.#users.setPassword(id, change, mark))
  }

  disable(id: string, mark: Mark): Promise<UserChange> {
    return this.#denying(id, () => this.#users.disable(id, mark))
  }

  setRole(id: string, role: Role, mark: Mark): Promise<UserChange> {
    return this.#denying(id, () => this.#users.setRole(id, role, mark))
  }

  remove(id: string, mark: Mark): Promise<boolean> {
    return this.#denying(id, () => this.#users.remove(id, mark))
  }

  add(user: UserRecord, mark: Mark): Promise<boolean> {
    return this.#users.add(user, mark)
  }

  byId(id: string): Promise<UserRecord | null> {
    return this.#users.byId(id)
  }

  byUsername(username: string): Promise<UserRecord | null> {
    return this.#users.byUsername(username)
  }

  list(after: string | null, limit: number, filter?: UserFilter): Promise<readonly UserRecord[]> {
    return this.#users.list(after, limit, filter)
  }

  count(): Promise<number> {
    return this.#users.count()
  }

  rehash(id: string, from: string, to: string): Promise<boolean> {
    return this.#users.rehash(id, from, to)
  }

  enable(id: string, mark: Mark): Promise<boolean> {
    return this.#users.enable(id, mark)
  }

  noteFailedLogin(userId: string | null, mark: Mark): Promise<void> {
    return this.#users.noteFailedLogin(userId, mark)
  }

  adopt(batch: readonly AdoptedUser[], mark: Mark): Promise<AdoptionCount> {
    return this.#users.adopt(batch, mark)
  }

  async #denying<Answer>(userId: string, deed: () => Promise<Answer>): Promise<Answer> {
    const release = this.#memory.withholdUser(userId)
    try {
      return await deed()
    } finally {
      release()
    }
  }
}

import { z } from '@hono/zod-openapi'
import type { UserFilter, UserRecord } from 'sojourn/auth'
import { problem } from 'sojourn/http'
import type { Service } from '../service.ts'
import type { AdminApi } from './api.ts'
import { isOperator } from './operator.ts'
import type { Caller } from './operator.ts'
import { textParameter, wholeParameter } from './query.ts'
import { AdminUser, Count, Role } from './schemas.ts'
import { userView } from './views.ts'

const DEFAULT_LIMIT = 50

const Page = z.strictObject({
  text: textParameter.optional().openapi({ description: 'Appears in the username, in whatever case.' }),
  state: z.enum(['all', 'active', 'disabled']).default('all'),
  role: z.enum(['user', 'operator']).optional(),
  limit: wholeParameter(1, 500, DEFAULT_LIMIT).optional(),
  after: textParameter.optional().openapi({ description: '`next` of the page before.' }),
})

const NAMED = ['not_found'] as const
const CHANGES = ['not_found', 'conflict'] as const

/** `/admin/users`: who there is, and what they may do. */
export function userRoutes(api: AdminApi, service: Service): void {
  const { users, sessions } = service
  const changes = new AuthorityChanges(service)
  const shown = async (user: UserRecord): Promise<z.output<typeof AdminUser>> =>
    userView(user, await sessions.count({ userId: user.id, active: true }))

  api.add(
    'GET /admin/users',
    {
      summary: 'Users in the order of their names, by page',
      tag: 'Users',
      query: Page,
      answer: z.strictObject({ users: z.array(AdminUser), next: z.string().nullable() }),
    },
    async ({ query: { text, state, role, limit = DEFAULT_LIMIT, after = null } }) => {
      const filter: UserFilter = {
        text: text === undefined ? undefined : canonical(text),
        role,
        isDisabled: state === 'all' ? undefined : state === 'disabled',
      }
      const found = await users.list(after, limit + 1, filter)
      const page = found.slice(0, limit)
      return {
        users: await Promise.all(page.map(shown)),
        next: found.length > limit ? (page.at(-1)?.username ?? null) : null,
      }
    },
  )

  api.add(
    'GET /admin/users/{id}',
    { summary: 'One user', tag: 'Users', answer: z.strictObject({ user: AdminUser }), problems: NAMED },
    async ({ id }) => {
      const user = await users.byId(id)
      return user === null ? problem('not_found') : { user: await shown(user) }
    },
  )

  api.add(
    'POST /admin/users/{id}/disable',
    {
      summary: 'Sign a user out everywhere, and let nobody sign in as them',
      description: 'Neither oneself nor the last operator: 409 `conflict`.',
      tag: 'Users',
      answer: Count,
      problems: CHANGES,
    },
    async ({ caller, id }) =>
      changes.make(caller, id, true, async (user, mark) => ({
        count: (await users.disable(user.id, mark)).ended.length,
      })),
  )

  api.add(
    'POST /admin/users/{id}/enable',
    {
      summary: 'Let a disabled user sign in again',
      description: 'Ended sessions stay ended; `count` is 0.',
      tag: 'Users',
      answer: Count,
      problems: NAMED,
    },
    async ({ caller, id }) =>
      changes.make(caller, id, false, async (user, mark) => {
        await users.enable(user.id, mark)
        return { count: 0 }
      }),
  )

  api.add(
    'POST /admin/users/{id}/role',
    {
      summary: 'Make a user an operator, or an operator a user again',
      description:
        'Taking authority away ends their sessions. Neither one’s own nor that of the last operator: 409 `conflict`.',
      tag: 'Users',
      body: z.strictObject({ role: Role }),
      answer: Count,
      problems: CHANGES,
    },
    async ({ caller, id, body: { role } }) =>
      changes.make(caller, id, role === 'user', async (user, mark) => ({
        count: (await users.setRole(user.id, role, mark)).ended.length,
      })),
  )

  api.add(
    'POST /admin/users/{id}/revoke',
    {
      summary: 'Sign a user out everywhere',
      description: 'Logins under way come to nothing, too. An operator’s own session goes on.',
      tag: 'Users',
      body: z.strictObject({ reason: textParameter.max(200).optional() }),
      isBodyOptional: true,
      answer: Count,
      problems: NAMED,
    },
    async ({ caller, id, body: { reason } }) => {
      const user = await users.byId(id)
      if (user === null) return problem('not_found')
      const isOwn = caller.kind === 'operator' && caller.user.id === user.id
      const target = isOwn ? { userId: user.id, except: caller.session.id } : { userId: user.id }
      const { count } = await sessions.revoke(target, { actor: caller.actor, detail: reason })
      return { count }
    },
  )
}

/**
 * Gives authority and takes it away, one change after the other, so that two operators who turn on each other at the
 * same moment do not leave the installation without any.
 */
class AuthorityChanges {
  readonly #service: Service
  #last: Promise<unknown> = Promise.resolve()

  constructor(service: Service) {
    this.#service = service
  }

  /** Makes a change to a user, unless there is none or it would take authority away that must stay. */
  make(
    caller: Caller,
    id: string,
    isTaking: boolean,
    change: (user: UserRecord, mark: Mark) => Promise<z.output<typeof Count>>,
  ): Promise<z.output<typeof Count> | Response> {
    const turn = this.#last.then(async () => {
      const { users, sessions } = this.#service
      const user = await users.byId(id)
      if (user === null) return problem('not_found')
      const refusal = isTaking ? await this.#refusal(caller, user) : null
      if (refusal !== null) return refusal
      await this.#writeUses()
      return change(user, { at: sessions.now(), actor: caller.actor })
    })
    this.#last = turn.catch(() => {})
    return turn
  }

  async #refusal(caller: Caller, user: UserRecord): Promise<Response | null> {
    if (caller.kind === 'operator' && caller.user.id === user.id) {
      return problem('conflict', { detail: 'nobody takes their own authority away; ask another operator' })
    }
    if (!isOperator(user)) return null
    const operators = await this.#service.users.list(null, 2, { role: 'operator', isDisabled: false })
    if (operators.length > 1) return null
    return problem('conflict', { detail: 'this is the last operator; make another one first' })
  }

  /** So that a session that ends tells truly when it was last used. Where that cannot be written, it ends all the same. */
  async #writeUses(): Promise<void> {
    try {
      await this.#service.sessions.flush()
    } catch (error) {
      this.#service.log.error({ err: error }, 'uses of sessions could not be written')
    }
  }
}

interface Mark {
  readonly at: number
  readonly actor: string
}

/** Text in the form of a username, as far as a piece of one has it. */
function canonical(text: string): string {
  return text.normalize('NFKC').toLowerCase().normalize('NFKC')
}

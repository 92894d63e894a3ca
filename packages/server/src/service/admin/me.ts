import { z } from '@hono/zod-openapi'
import { problem, requireRecent } from 'sojourn/http'
import type { Service } from '../service.ts'
import type { AdminApi } from './api.ts'
import { RECENT } from './operator.ts'
import { AdminSession, AdminUser } from './schemas.ts'
import { sessionView, userView } from './views.ts'

/** `/admin/me`: which operator is asking, in which session. */
export function meRoutes(api: AdminApi, { sessions }: Service): void {
  api.add(
    'GET /admin/me',
    {
      summary: 'Who is asking',
      description: '`isRecent`: the operator has proved who they are within the last ten minutes. Not for keys.',
      tag: 'Users',
      answer: z.strictObject({ user: AdminUser, session: AdminSession, isRecent: z.boolean() }),
    },
    async ({ caller }) => {
      if (caller.kind !== 'operator') return problem('forbidden')
      const { user, session, context } = caller
      const activeSessions = await sessions.count({ userId: user.id, active: true })
      const isRecent = requireRecent(context, { within: RECENT }) === null
      return { user: userView(user, activeSessions), session: sessionView(session), isRecent }
    },
  )
}

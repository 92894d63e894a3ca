import { z } from '@hono/zod-openapi'
import type { Service } from '../service.ts'
import type { AdminApi } from './api.ts'
import { Cleanup } from './schemas.ts'

/** `/admin/cleanup`: the ends that time has brought, written down now. */
export function cleanupRoutes(api: AdminApi, { sessions }: Service): void {
  api.add(
    'POST /admin/cleanup',
    {
      summary: 'End what is overdue, and delete what is past retention',
      description: 'Nobody who may still be signed in is signed out. With `dryRun` it counts and changes nothing.',
      tag: 'Upkeep',
      body: z.strictObject({ dryRun: z.boolean().optional() }),
      isBodyOptional: true,
      answer: Cleanup,
    },
    async ({ body: { dryRun } }) => {
      const { ended, pruned } = await sessions.cleanup({ dryRun })
      return { ended, pruned }
    },
  )
}

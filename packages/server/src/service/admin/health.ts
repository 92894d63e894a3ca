import type { Service } from '../service.ts'
import { VERSION } from '../version.ts'
import type { AdminApi } from './api.ts'
import type { LiveEvents } from './live-events.ts'
import { Health } from './schemas.ts'

/** `/admin/health`: whether the installation keeps what it promises. */
export function healthRoutes(api: AdminApi, service: Service, live: LiveEvents): void {
  api.add(
    'GET /admin/health',
    {
      summary: 'Whether the installation keeps what it promises',
      description: 'Guarantees as probed, the schema, how long the store takes, and how the clean-up keeps up.',
      tag: 'Upkeep',
      answer: Health,
    },
    async () => {
      const { sessions, metrics, upkeep, schema, startedAt } = service
      const [guarantees, { ended }] = await Promise.all([sessions.guarantees(), sessions.cleanup({ dryRun: true })])
      const { lastRunAt, lastResult, every } = upkeep.status
      return {
        version: VERSION,
        startedAt: startedAt.toISOString(),
        engine: guarantees.engine,
        guarantees: {
          engine: guarantees.engine,
          survivesProcessKill: guarantees.survivesProcessKill,
          survivesPowerLoss: guarantees.survivesPowerLoss,
          revocationBound: guarantees.revocationBound,
          settings: { ...guarantees.settings },
          warnings: [...guarantees.warnings],
        },
        schema: { applied: schema.applied, pending: schema.pending },
        store: metrics
          .storeLatencies()
          .map(({ operation, count, p50, p95, p99 }) => ({ operation, count, p50, p95, p99 })),
        eventLoop: { ...metrics.eventLoop() },
        connections: { streams: live.size },
        cleanup: {
          lastRunAt: lastRunAt === null ? null : lastRunAt.toISOString(),
          lastResult: lastResult === null ? null : { ended: lastResult.ended, pruned: lastResult.pruned },
          every: every / 1_000,
          overdue: ended,
        },
      }
    },
  )
}

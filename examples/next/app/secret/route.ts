import { requireRecent, withSession } from 'sojourn/next'
import { http } from '../../sojourn.ts'

export const GET = withSession(
  http,
  requireRecent({ within: '10m' }, () => Response.json({ answer: 42 })),
)

import { requireSession, withSession } from 'sojourn/next'
import { http } from '../../sojourn.ts'

export const GET = withSession(
  http,
  requireSession((_request, { session }) => Response.json({ username: session.username })),
)

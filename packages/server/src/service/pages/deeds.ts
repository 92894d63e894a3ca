import type { Context } from 'hono'
import { isSessionId } from 'sojourn'
import type { Session } from 'sojourn'
import type { Env } from '../env.ts'
import type { Service } from '../service.ts'
import { ask } from './ask.ts'
import type { Answer } from './ask.ts'
import type { NoticeCode } from './notices.ts'

/** Something a user wants ended for which they may have to prove first who they are. */
export interface Deed {
  /** The id of a session, or `others`. */
  readonly end: string
  readonly path: string
  /** What it does, after "to". */
  readonly text: string
  readonly done: NoticeCode
}

/** What is to be ended; null for what is no session of this user's. */
export async function deedOf(service: Service, { userId }: Session, end: string | undefined): Promise<Deed | null> {
  if (end === 'others') {
    return { end, path: '/sessions', text: 'sign out everywhere else', done: 'others-ended' }
  }
  const found = isSessionId(end) ? await service.sessions.get(end) : null
  if (found?.userId !== userId) return null
  return { end: found.id, path: `/sessions/${found.id}`, text: `sign out ${found.device.label}`, done: 'ended' }
}

/** Does it in the name of whoever sent the form; with another cookie than they sent, where they have just got one. */
export function doDeed(service: Service, c: Context<Env>, { path }: Deed, cookie?: string): Promise<Answer> {
  return ask(service, c, { method: 'DELETE', path, ...(cookie === undefined ? {} : { cookie }) })
}

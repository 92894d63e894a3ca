import type { SessionEvent } from 'sojourn'
import type { Stage } from './stage.ts'
import { DEVICES, castMember, shownId, shownToken, time } from './world.ts'
import type { World } from './world.ts'

/** The life of one session, as an operator sees it afterwards. */
export async function details(stage: Stage, world: World): Promise<void> {
  const { sessions, clock } = world
  await stage.say(
    'One session lives through a working day: a login in the morning, a new secret at noon, and in the evening an operator ends it.',
  )
  const katherine = await castMember(world, 'katherine')
  const login = await sessions.create({
    ...katherine,
    device: DEVICES.phone,
    method: 'password',
    attributes: { theme: 'dark' },
  })
  clock.advance(4)
  await stage.call('const renewed = await sessions.renew(session.id)')
  const renewed = await sessions.renew(login.session.id)
  if (!renewed.ok) throw new Error(`the renewal was refused: ${renewed.reason}`)
  await sessions.validate(renewed.token)
  await stage.answer(
    { old: shownToken(login.token), new: shownToken(renewed.token) },
    'Same id, new secret. The old one is accepted for 30 seconds after the new one was first presented; if it comes back later, somebody else has it and the session ends.',
  )
  clock.advance(5)
  await sessions.revoke({ id: login.session.id }, { actor: 'ops:grace' })

  await stage.say('Everything anybody may know of it, which is everything but its secret:')
  const session = await sessions.get(login.session.id)
  if (session === null) throw new Error('the session is not kept')
  await stage.call('await sessions.get(id)')
  await stage.answer({
    id: shownId(session.id),
    username: session.username,
    createdAt: time(session.createdAt),
    lastAccessedAt: time(session.lastAccessedAt),
    device: session.device.label,
    ip: session.device.ip,
    attributes: session.attributes,
    isActive: session.isActive,
    endReason: session.endReason,
    endedBy: session.endedBy,
    loggedOutAt: session.loggedOutAt === null ? null : time(session.loggedOutAt),
  })

  await stage.say(
    'And its history. Each line was written in the same transaction as what it tells, so it cannot be missing.',
  )
  const events = await sessions.events({ sessionId: session.id })
  await stage.call('await sessions.events({ sessionId: id })')
  await stage.table(
    [
      { title: 'AT', rank: 1 },
      { title: 'EVENT', rank: 2 },
      { title: 'BY', rank: 3 },
      { title: 'REASON', rank: 4 },
    ],
    events.toReversed().map(eventRow),
  )
}

function eventRow(event: SessionEvent): readonly string[] {
  return [time(event.at), event.type.replaceAll('_', ' '), event.actor, event.reason ?? '-']
}

import type { Stats } from 'sojourn'
import { figure } from '../output/text.ts'
import type { Stage } from './stage.ts'
import { DEVICES, castMember } from './world.ts'
import type { World } from './world.ts'

const USERS = 30
const SESSIONS = 300

/** What time ends by itself, and what cleanup does about it. */
export async function cleanup(stage: Stage, world: World): Promise<void> {
  const { sessions, clock } = world
  await stage.say(`${USERS} people sign in ${SESSIONS} times. A day goes by, and only some of them come back.`)
  const devices = Object.values(DEVICES)
  const logins = await Promise.all(
    Array.from({ length: SESSIONS }, async (_, index) => {
      const guest = await castMember(world, `guest${String(index % USERS).padStart(2, '0')}`)
      return sessions.create({ ...guest, device: devices[index % devices.length] })
    }),
  )
  clock.advance(20)
  for (const { token } of logins.slice(0, 60)) await sessions.validate(token)
  clock.advance(6)

  await stage.say(
    'Nobody has to run a cleanup for sessions to end: who stands is a matter of the clock, to the millisecond. The figures know it already.',
  )
  await stage.call('await sessions.stats()')
  await stage.answer(figures(await sessions.stats()))

  await stage.say(
    'Cleanup writes those ends into the records, with their reason, and deletes what ended more than 90 days ago. First what it would do:',
  )
  await stage.call("await sessions.cleanup({ olderThan: '24h', dryRun: true })")
  await stage.answer(await sessions.cleanup({ olderThan: '24h', dryRun: true }), 'nothing was changed')
  await stage.call("await sessions.cleanup({ olderThan: '24h' })")
  await stage.answer(await sessions.cleanup({ olderThan: '24h' }), 'in batches, so that nobody waits')
  await stage.call("await sessions.cleanup({ olderThan: '24h' })")
  await stage.answer(await sessions.cleanup({ olderThan: '24h' }), 'a second time there is nothing to do')

  const idle = await sessions.count({ endReason: 'idle' })
  await stage.say(
    `The records are still there: ${figure(idle)} of them now say that they ended idle. After another 91 days they go.`,
  )
  clock.advance(91 * 24)
  await stage.call("await sessions.cleanup({ olderThan: '24h' })")
  await stage.answer(await sessions.cleanup({ olderThan: '24h' }))
}

function figures({ total, active, ended, usersOnline }: Stats): object {
  return { total, active, ended, usersOnline }
}

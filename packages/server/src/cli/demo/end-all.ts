import type { Stage } from './stage.ts'
import { DEVICES, castMember } from './world.ts'
import type { World } from './world.ts'

/** Sign out everywhere, and why a login that is under way does not slip through. */
export async function endAll(stage: Stage, world: World): Promise<void> {
  const { sessions } = world
  const { userId, username } = await castMember(world, 'margaret')
  await stage.say(
    'Margaret is signed in on three devices and suspects that somebody has her password. She keeps this laptop and ends the others.',
  )
  const logins = []
  for (const device of Object.values(DEVICES)) logins.push(await sessions.create({ userId, username, device }))
  const laptop = logins[0]!.session
  await stage.call('await sessions.revoke({ userId, except: laptop.id })')
  await stage.answer({ count: (await sessions.revoke({ userId, except: laptop.id }, { actor: 'user' })).count })

  await stage.say('An operator goes further: everything of hers, now.')
  await stage.call("await sessions.revoke({ userId }, { actor: 'ops:grace' })")
  await stage.answer({ count: (await sessions.revoke({ userId }, { actor: 'ops:grace' })).count })
  await stage.call('await sessions.count({ userId, active: true })')
  await stage.answer(await sessions.count({ userId, active: true }))

  await stage.say(
    'But what of the thief who is signing in at this very moment, with a password that was right when it was checked? Every user has an epoch, a counter that ending everything raises. A login that began under an older one yields nothing.',
  )
  const epoch = await sessions.epoch(userId)
  await stage.call('const epoch = await sessions.epoch(userId)')
  await stage.answer(epoch, 'the login begins; the password is being checked')
  await stage.call('await sessions.revoke({ userId })')
  const { count } = await sessions.revoke({ userId }, { actor: 'ops:grace' })
  await stage.answer({ count }, 'meanwhile, everything is ended once more')
  await stage.call('await sessions.tryCreate({ userId, username, epoch })')
  const late = await sessions.tryCreate({ userId, username, epoch, device: DEVICES.terminal })
  await stage.answer(late.ok ? { ok: true } : late, 'the login comes to its end, and to nothing')
  await stage.say('AuthManager does this by itself, also when a password changes or a user is disabled.')
}

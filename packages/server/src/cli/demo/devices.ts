import type { Session } from 'sojourn'
import type { Stage } from './stage.ts'
import { DEVICES, SESSION_COLUMNS, castMember, sessionRow, shownId } from './world.ts'
import type { World } from './world.ts'

/** One user, three devices: list them, end one, the others stand. */
export async function devices(stage: Stage, world: World): Promise<void> {
  const { sessions, clock } = world
  await stage.say(
    'Grace signs in on her laptop, her phone and in a terminal. How she proved who she is does not matter here: after a passkey, OAuth or a password alike, the application calls create.',
  )
  const grace = await castMember(world, 'grace')
  const createdSince = new Date(sessions.now())
  const login = (device: keyof typeof DEVICES) =>
    sessions.create({ ...grace, device: DEVICES[device], method: 'passkey' })
  await stage.call("await sessions.create({ userId, username: 'grace', device: { ip, userAgent } })")
  const laptop = await login('laptop')
  clock.advance(0.5)
  const phone = await login('phone')
  clock.advance(0.5)
  await login('terminal')
  const listed = async (): Promise<readonly Session[]> =>
    (await sessions.page({ userId: grace.userId, createdSince })).sessions
  await stage.table(SESSION_COLUMNS, (await listed()).map(sessionRow))

  await stage.say("The phone is lost. On the laptop she opens 'your devices' and ends that one session, by its id.")
  await stage.call(`await sessions.revoke({ id: '${shownId(phone.session.id)}' }, { actor: 'user' })`)
  const { count } = await sessions.revoke({ id: phone.session.id }, { actor: 'user' })
  await stage.answer({ count }, 'how many ended by this call')
  await stage.table(SESSION_COLUMNS, (await listed()).map(sessionRow))

  await stage.say('Whoever has the phone is out. The laptop does not notice.')
  await stage.call('await sessions.validate(phone.token)')
  await stage.answer(await sessions.validate(phone.token))
  await stage.call('await sessions.validate(laptop.token)')
  const check = await sessions.validate(laptop.token)
  await stage.answer(check.ok ? { ok: true, device: check.session.device.label } : check)
}

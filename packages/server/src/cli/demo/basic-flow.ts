import { shorten, visible } from '../output/text.ts'
import type { Stage } from './stage.ts'
import { DEVICES, PASSWORD, shownId, shownToken, time } from './world.ts'
import type { World } from './world.ts'

/** Register, sign in, validate, use, sign out. */
export async function basicFlow(stage: Stage, { auth, sessions, clock }: World): Promise<void> {
  await stage.say('Somebody opens an account. The password is hashed with argon2id and kept nowhere else.')
  const name = await stage.ask('What shall the first user be called?', 'ada')
  const registered = await auth.registerUser(name, PASSWORD)
  await stage.call(`await auth.registerUser('${shorten(visible(name), 32)}', password)`)
  await stage.answer(registered.ok ? { ok: true, user: registered.user.username } : registered)
  const username = registered.ok ? registered.user.username : 'ada'
  if (!registered.ok) {
    await auth.registerUser(username, PASSWORD)
    await stage.say(`A refusal is an answer like any other. We go on with ${username}.`)
  }

  await stage.say('They sign in from a laptop. Every login makes a session of its own, with a secret of its own.')
  const login = await auth.loginUser(username, PASSWORD, DEVICES.laptop)
  await stage.call(`const login = await auth.loginUser('${username}', password, { ip, userAgent })`)
  if (!login.ok) throw new Error(`the login was refused: ${login.reason}`)
  await stage.answer(
    { ok: true, session: shownId(login.session.id), token: shownToken(login.token) },
    'The token is the id, a dot and 256 random bits. It is shown this once: only the SHA-256 of its secret is stored. The id is no secret and may stand in logs.',
  )

  await stage.say(
    'With every request the application asks whether the token still stands. That counts as use, so we move the clock forward by 20 hours first.',
  )
  clock.advance(20)
  const check = await auth.validateSession(login.token)
  await stage.call('await auth.validateSession(login.token)')
  if (!check.ok) throw new Error(`the session was refused: ${check.reason}`)
  const { createdAt, lastAccessedAt, endsAt } = check.session
  await stage.answer(
    {
      ok: true,
      username: check.session.username,
      createdAt: time(createdAt),
      lastAccessedAt: time(lastAccessedAt),
      endsAt: time(endsAt),
    },
    'Without use it would have ended 24 hours after the login. Now it has 24 hours from here, but never more than 30 days in all.',
  )

  await stage.say('They sign out. Ended is ended: at once, and for ever.')
  await stage.call('await auth.logoutUser(login.token)')
  await stage.answer(await auth.logoutUser(login.token), 'this very call ended it')
  await stage.call('await auth.validateSession(login.token)')
  await stage.answer(await auth.validateSession(login.token))

  await stage.say('The record stays for the history, 90 days if nothing else is said.')
  const kept = await sessions.get(login.session.id)
  if (kept === null || kept.loggedOutAt === null) throw new Error('the session is not kept')
  await stage.call('await sessions.get(login.session.id)')
  await stage.answer({
    isActive: kept.isActive,
    endReason: kept.endReason,
    endedBy: kept.endedBy,
    loggedOutAt: time(kept.loggedOutAt),
  })
}

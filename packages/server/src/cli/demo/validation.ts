import type { Check, Token } from 'sojourn'
import { figure, shorten, visible } from '../output/text.ts'
import type { Stage } from './stage.ts'
import { DEVICES, castMember } from './world.ts'
import type { World } from './world.ts'

const ROUNDS = 5_000

/** What validate says of tokens that stand, that stood, and that never did. */
export async function validation(stage: Stage, world: World): Promise<void> {
  const { sessions, clock } = world
  const linus = await castMember(world, 'linus')
  const login = () => sessions.create({ ...linus, device: DEVICES.terminal })
  await stage.say(
    'validate answers with a value and never throws because somebody is signed out. Here is what it says of seven tokens.',
  )
  const unused = await login()
  clock.advance(24)
  const good = await login()
  const ended = await login()
  await sessions.end(ended.token)
  const typed = await stage.ask('Forge a token: type whatever you like', 'let-me-in')
  const presented: readonly (readonly [what: string, token: unknown])[] = [
    ['the one just handed out', good.token],
    ['one letter of the secret changed', forged(good.token)],
    ['the id alone', good.session.id],
    ['a secret under an id nobody has', withOtherId(good.token)],
    ['one that was logged out', ended.token],
    ['one not used for 24 hours', unused.token],
    [`'${shorten(visible(typed), 20)}', typed by hand`, typed],
  ]
  const checks: (readonly [string, Check])[] = []
  for (const [what, token] of presented) checks.push([what, await sessions.validate(token, { isPassive: true })])
  await stage.call('await sessions.validate(token)')
  await stage.table(
    [
      { title: 'TOKEN', rank: 1 },
      { title: 'OK', rank: 2 },
      { title: 'REASON', rank: 3 },
    ],
    checks.map(([what, check]) => [what, String(check.ok), check.ok ? '-' : check.reason]),
  )
  await stage.say(
    'A client is told none of these reasons: over HTTP they all look the same. Text that cannot be a token at all is refused before the database is asked, so guessing costs it nothing.',
  )

  await stage.say('Asking is cheap, so it can be done with every request.')
  const started = performance.now()
  for (let round = 0; round < ROUNDS; round += 1) await sessions.validate(good.token)
  const micros = ((performance.now() - started) * 1_000) / ROUNDS
  await stage.call(`for (let n = 0; n < ${ROUNDS}; n += 1) await sessions.validate(token)`)
  await stage.answer(
    `${micros.toFixed(1)} µs each`,
    `${figure(ROUNDS)} validations on this machine, each one certain that nothing was changed in the file`,
  )
}

/** The same token with the first letter of its secret changed. */
function forged(token: Token): string {
  const [id, secret = ''] = token.split('.')
  return `${id}.${secret.startsWith('A') ? 'B' : 'A'}${secret.slice(1)}`
}

/** The same secret under an id of the right form that was never handed out. */
function withOtherId(token: Token): string {
  const [id = '', secret] = token.split('.')
  const last = id.endsWith('0') ? '1' : '0'
  return `${id.slice(0, -1)}${last}.${secret}`
}

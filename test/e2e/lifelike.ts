import { AuthManager } from 'sojourn/auth'
import { SessionManager } from 'sojourn'
import type { Token } from 'sojourn'
import { SqliteStore } from 'sojourn/sqlite'
import { FixedClock } from 'sojourn/testing'

/** Who looks at the pages: an operator, and a user with several devices. */
export const VIEWERS = {
  operator: { username: 'grace', password: 'a compiler of her own making' },
  user: { username: 'ada', password: 'notes upon the analytical engine' },
} as const

const DAY = 86_400_000
const HOUR = 3_600_000
const MINUTE = 60_000

interface Visit {
  readonly at: number
  readonly go: () => Promise<unknown>
}

/**
 * Fills a new database with two weeks in the life of a small company, up to this instant: people who sign in, use
 * their devices, mistype, sign out, are signed out; and one who is guessed at. The same each time.
 */
export async function fillLifelike(path: string, now: number): Promise<void> {
  const clock = new FixedClock(now - 14 * DAY)
  const store = SqliteStore.open(path, { migrate: true })
  await using sessions = new SessionManager({ store, clock })
  const auth = new AuthManager({ sessions, users: store.users, clock })
  const random = seeded(20_261_124)
  const visits: Visit[] = []
  const pick = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)]!

  for (const { username, password } of Object.values(VIEWERS)) await auth.registerUser(username, password)
  await auth.setRole(VIEWERS.operator.username, 'operator', { actor: 'setup' })

  for (const [index, username] of PEOPLE.entries()) {
    const user = await store.users.byUsername(username)
    const userId = user?.id ?? `customer-${1_000 + index}`
    const home = `203.0.113.${10 + index}`
    const devices = [pick(DESKTOPS), pick(PHONES), ...(random() < 0.3 ? [pick(OTHERS)] : [])]
    for (const userAgent of devices) {
      const ip = random() < 0.6 ? home : pick(PLACES)
      const method = user === null ? pick(METHODS) : 'password'
      const logins = 1 + Math.floor(random() * 4)
      for (let n = 0; n < logins; n++) {
        // More of them lately, and in the hours of work.
        const at = now - Math.floor(random() ** 2.2 * 13 * DAY) - 3 * MINUTE
        visits.push({ at, go: () => stay({ userId, username, device: { ip, userAgent }, method }, at) })
      }
    }
  }
  for (let n = 0; n < 46; n++) {
    const at = now - Math.floor(random() * 23 * HOUR) - 5 * MINUTE
    const username = pick(GUESSED)
    visits.push({ at, go: () => auth.loginUser(username, 'a wrong guess', { ip: pick(STRANGERS), userAgent: CURL }) })
  }

  for (let at = now - 13 * DAY; at < now; at += HOUR) visits.push({ at, go: () => sessions.cleanup() })

  const { username, password } = VIEWERS.user
  const tablet = { ip: '203.0.113.10', userAgent: OTHERS[0]! }
  const phone = { ip: '2001:db8:85a3::8a2e:370:7334', userAgent: PHONES[0]! }
  visits.push(
    { at: now - 5 * HOUR, go: () => auth.loginUser(username, password, tablet) },
    { at: now - 4 * MINUTE, go: () => auth.loginUser(username, password, phone) },
  )

  async function stay(login: Parameters<SessionManager['create']>[0], at: number): Promise<void> {
    const { session, token } = await sessions.create(login)
    const uses = 1 + Math.floor(random() * 5)
    let last = at
    for (let n = 0; n < uses; n++) {
      last += Math.floor(random() * 9 * HOUR)
      if (last < now - MINUTE) visits.push({ at: last, go: () => use(token) })
    }
    const end = last + Math.floor(random() * HOUR)
    if (end >= now - 2 * MINUTE) return
    const chance = random()
    if (chance < 0.3) visits.push({ at: end, go: () => sessions.end(token) })
    else if (chance < 0.36) visits.push({ at: end, go: () => sessions.revoke({ id: session.id }, { actor: 'grace' }) })
    else if (chance < 0.42) visits.push({ at: end, go: () => sessions.revoke({ id: session.id }, { actor: 'user' }) })
  }

  async function use(token: Token): Promise<void> {
    await sessions.validate(token)
  }

  for (let next = takeFirst(visits); next !== undefined; next = takeFirst(visits)) {
    clock.set(next.at)
    await next.go()
  }
  await sessions.flush()
}

function takeFirst(visits: Visit[]): Visit | undefined {
  visits.sort((a, b) => b.at - a.at)
  return visits.pop()
}

/** Numbers from 0 to 1 that look like chance and are the same each time (mulberry32). */
function seeded(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

const PEOPLE = (
  'ada grace alan annie barbara betty claude dorothy edsger emmy frances george hedy ida jean joan john karen ' +
  'katherine kathleen konrad lynn margaret mary niklaus radia ralph rozsa sophie stephanie tim tony whitfield yvonne'
).split(' ')
const GUESSED = ['ada', 'grace', 'katherine', 'root', 'root', 'admin', 'admin', 'administrator', 'test', 'oracle']
const METHODS = ['password', 'password', 'passkey', 'oauth:github']
const PLACES = ['198.51.100.4', '198.51.100.23', '198.51.100.77', '192.0.2.15', '2001:db8:1234:5678::9f']
const STRANGERS = ['192.0.2.66', '192.0.2.67', '192.0.2.201', '198.51.100.250']
const CURL = 'curl/8.5.0'
const CHROME = 'AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36'
const DESKTOPS = [
  'Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:145.0) Gecko/20100101 Firefox/145.0',
  `Mozilla/5.0 (Windows NT 10.0; Win64; x64) ${CHROME}`,
  `Mozilla/5.0 (Windows NT 10.0; Win64; x64) ${CHROME} Edg/142.0.0.0`,
  `Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) ${CHROME}`,
  'Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/26.1 Safari/605.1.15',
  'Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0',
]
const PHONES = [
  'Mozilla/5.0 (iPhone; CPU iPhone OS 18_7 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/26.1 Mobile/15E148 Safari/604.1',
  'Mozilla/5.0 (Linux; Android 16; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Mobile Safari/537.36',
  'Mozilla/5.0 (Linux; Android 15; SAMSUNG SM-S921B) AppleWebKit/537.36 (KHTML, like Gecko) SamsungBrowser/28.0 Chrome/130.0.0.0 Mobile Safari/537.36',
]
const OTHERS = [
  'Mozilla/5.0 (iPad; CPU OS 18_7 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/26.1 Mobile/15E148 Safari/604.1',
  CURL,
  'okhttp/4.12.0',
]

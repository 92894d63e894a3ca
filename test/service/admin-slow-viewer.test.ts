/** A live stream whose client reads slowly, or not at all. */
import { pino } from 'pino'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { LiveEvents } from '../../packages/server/src/service/admin/live-events.ts'
import { SessionManager } from '../../packages/sojourn/src/index.ts'
import { MemoryStore } from '../../packages/sojourn/src/stores/memory.ts'
import { FixedClock } from '../../packages/sojourn/src/testing/index.ts'

const EVENTS = 4_000
/** The service reads the log four times a second. */
const SECOND = 1_000
const VIEWER = { name: 'operator:grace', isWelcome: async () => true }

beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] }))
afterEach(() => void vi.useRealTimers())

function start() {
  const store = new MemoryStore()
  const sessions = new SessionManager({ store, clock: new FixedClock() })
  const lookUp = vi.spyOn(store.users, 'byId')
  const live = new LiveEvents({ sessions, users: store.users, log: pino({ enabled: false }), isReady: () => true })
  return { sessions, lookUp, live }
}

async function signInMany(sessions: SessionManager): Promise<readonly string[]> {
  const names = Array.from({ length: EVENTS }, (_, n) => `user-${n}`)
  for (const username of names) await sessions.create({ userId: username, username })
  return names
}

test('DOS: is waited for: little is fetched for it, and nothing is lost when it goes on', async () => {
  const { sessions, lookUp, live } = start()
  const reader = (await live.open(VIEWER, null)).getReader()
  const names = await signInMany(sessions)
  await vi.advanceTimersByTimeAsync(20 * SECOND)
  // Each event of another user is a name to look up.
  expect(lookUp.mock.calls.length).toBeGreaterThan(0)
  expect(lookUp.mock.calls.length).toBeLessThan(EVENTS / 2)
  const decoder = new TextDecoder()
  let text = ''
  while (!text.includes(`"username":"user-${EVENTS - 1}"`)) {
    const reading = reader.read()
    await vi.advanceTimersByTimeAsync(SECOND)
    text += decoder.decode((await reading).value, { stream: true })
  }
  expect([...text.matchAll(/"username":"([^"]+)"/g)].map(([, name]) => name)).toEqual(names)
  await reader.cancel()
  expect(live.size).toBe(0)
})

test('DOS: is let go when it takes nothing for a minute, and another one is not', async () => {
  const { sessions, live } = start()
  await live.open(VIEWER, null)
  const reader = (await live.open(VIEWER, null)).getReader()
  await signInMany(sessions)
  for (let seconds = 0; seconds < 70; seconds += 1) {
    await vi.advanceTimersByTimeAsync(SECOND)
    void reader.read()
  }
  expect(live.size).toBe(1)
  await reader.cancel()
})

test('hears something now and then, so that what stands between does not take it for dead', async () => {
  const { live } = start()
  const reader = (await live.open(VIEWER, null)).getReader()
  const decoder = new TextDecoder()
  expect(decoder.decode((await reader.read()).value)).toMatch(/^retry: \d+\nid: /)
  const reading = reader.read()
  await vi.advanceTimersByTimeAsync(20 * SECOND)
  expect(decoder.decode((await reading).value)).toBe(':\n\n')
  await reader.cancel()
})

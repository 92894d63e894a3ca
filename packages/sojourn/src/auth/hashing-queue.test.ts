import { expect, test } from 'vitest'
import { FixedClock } from '../testing/fixed-clock.ts'
import { DEFAULT_HASHING_LIMITS, HashingQueue } from './hashing-queue.ts'

const LIMITS = { running: 2, waiting: 3, patience: 2_000 }

/** Tasks that run until they are let go, and what was seen of them. */
class Tasks {
  readonly started: string[] = []
  readonly #gates = new Map<string, PromiseWithResolvers<string>>()

  task(name: string): () => Promise<string> {
    return () => {
      this.started.push(name)
      const gate = Promise.withResolvers<string>()
      this.#gates.set(name, gate)
      return gate.promise
    }
  }

  finish(name: string): void {
    this.#gates.get(name)!.resolve(name)
  }

  fail(name: string): void {
    this.#gates.get(name)!.reject(new Error(name))
  }
}

async function settled(): Promise<void> {
  await new Promise((resolve) => {
    setImmediate(resolve)
  })
}

test('so many run, so many wait, and the rest are turned away without having started', async () => {
  const tasks = new Tasks()
  const queue = new HashingQueue(new FixedClock(), LIMITS)
  const outcomes = ['a', 'b', 'c', 'd', 'e', 'f', 'g'].map((name) => queue.run(tasks.task(name)))
  const overloaded = { ok: false, reason: 'overloaded', retryAfter: 2 }
  expect(await Promise.all(outcomes.slice(5))).toEqual([overloaded, overloaded])
  expect(tasks.started).toEqual(['a', 'b'])
})

test('whoever has waited longest comes next', async () => {
  const tasks = new Tasks()
  const queue = new HashingQueue(new FixedClock(), LIMITS)
  const outcomes = ['a', 'b', 'c', 'd'].map((name) => queue.run(tasks.task(name)))
  await settled()
  tasks.finish('b')
  await settled()
  expect(tasks.started).toEqual(['a', 'b', 'c'])
  tasks.finish('a')
  await settled()
  expect(tasks.started).toEqual(['a', 'b', 'c', 'd'])
  tasks.finish('c')
  tasks.finish('d')
  expect(await Promise.all(outcomes)).toEqual(['a', 'b', 'c', 'd'].map((value) => ({ ok: true, value })))
})

test('nobody waits longer than the patience', async () => {
  const tasks = new Tasks()
  const clock = new FixedClock()
  const queue = new HashingQueue(clock, LIMITS)
  const [first, , late] = ['a', 'b', 'c'].map((name) => queue.run(tasks.task(name)))
  clock.advance('1999ms')
  await settled()
  clock.advance('1ms')
  expect(await late).toEqual({ ok: false, reason: 'overloaded', retryAfter: 2 })
  tasks.finish('a')
  expect(await first).toEqual({ ok: true, value: 'a' })
  expect(tasks.started).toEqual(['a', 'b'])
})

test('a task that fails passes its place on', async () => {
  const tasks = new Tasks()
  const queue = new HashingQueue(new FixedClock(), { ...LIMITS, running: 1 })
  const failing = queue.run(tasks.task('a'))
  const next = queue.run(tasks.task('b'))
  await settled()
  tasks.fail('a')
  await expect(failing).rejects.toThrow('a')
  await settled()
  tasks.finish('b')
  expect(await next).toEqual({ ok: true, value: 'b' })
  const after = queue.run(tasks.task('c'))
  await settled()
  tasks.finish('c')
  expect(await after).toEqual({ ok: true, value: 'c' })
})

test('by default one of the four threads that everybody shares stays free', () => {
  expect(DEFAULT_HASHING_LIMITS.running).toBeGreaterThanOrEqual(1)
  expect(DEFAULT_HASHING_LIMITS.running).toBeLessThanOrEqual(3)
})

import { beforeEach, describe, expect, test } from 'vitest'
import { FixedClock } from '../testing/index.ts'
import { Hints } from './hints.ts'
import type { HintLine, LineEvents, OpenLine } from './hints.ts'

/** Carries what is said to everybody who listens, if it does. */
class Wire implements HintLine {
  readonly said: string[] = []
  readonly listeners: LineEvents[] = []
  opened = 0
  isCut = false
  isMute = false
  /** Waited for before something is carried. */
  gate = Promise.resolve()

  async say(words: string): Promise<void> {
    this.said.push(words)
    await this.gate
    if (this.isCut) throw new Error('cut on purpose')
    if (!this.isMute) for (const { heard } of this.listeners) heard(words)
  }

  open(events: LineEvents): OpenLine {
    this.opened += 1
    const open = async (): Promise<void> => {
      if (this.isCut) throw new Error('cut on purpose')
      this.listeners.push(events)
    }
    return {
      isOpen: open(),
      close: async () => {
        const place = this.listeners.indexOf(events)
        if (place >= 0) this.listeners.splice(place, 1)
      },
    }
  }

  /** How often somebody has said that there is news. */
  get news(): number {
    return this.said.filter((words) => words.startsWith('news')).length
  }
}

let clock: FixedClock
let wire: Wire
let here: Hints
let there: Hints
let taken: number

beforeEach(() => {
  clock = new FixedClock()
  wire = new Wire()
  here = new Hints(wire, clock)
  there = new Hints(wire, clock)
  taken = 0
})

describe('a hint', () => {
  test('is had by whoever listens, but not by who gave it', async () => {
    await listening(here)
    await listening(there)
    here.give()
    await settled()
    expect(taken).toBe(1)
  })

  test('is one for everything that happened in one turn, and the next comes a moment later', async () => {
    for (let turn = 0; turn < 50; turn += 1) here.give()
    await settled()
    expect(wire.news).toBe(1)
    for (let turn = 0; turn < 50; turn += 1) here.give()
    await settled()
    expect(wire.news).toBe(1)
    clock.advance('20ms')
    expect(wire.news).toBe(2)
    clock.advance('1m')
    expect(wire.news).toBe(2)
  })

  test('does not stand for what happened while it was on its way', async () => {
    const gate = Promise.withResolvers<void>()
    wire.gate = gate.promise
    here.give()
    await settled()
    here.give()
    clock.advance('1m')
    expect(wire.news).toBe(1)
    gate.resolve()
    await settled()
    expect(wire.news).toBe(2)
  })

  test('that cannot be given is nobody’s trouble, and the next is tried', async () => {
    wire.isCut = true
    here.give()
    await settled()
    clock.advance('20ms')
    wire.isCut = false
    await listening(there)
    here.give()
    await settled()
    expect(taken).toBe(1)
  })

  test('that is due is given before the end, and none after it', async () => {
    here.give()
    await settled()
    here.give()
    await here.close()
    expect(wire.news).toBe(2)
    here.give()
    await settled()
    clock.advance('1m')
    expect(wire.news).toBe(2)
  })
})

describe('whoever listens', () => {
  test('is told once that it has begun, and nothing after it has stopped', async () => {
    const stop = here.take(() => (taken += 1))
    expect(taken).toBe(0)
    await settled()
    expect(taken).toBe(1)
    await stop()
    there.give()
    await settled()
    expect(taken).toBe(1)
    expect(wire.listeners).toEqual([])
  })

  test('shares the line with others, which is given back when the last one stops', async () => {
    const stops = [here.take(() => (taken += 1)), here.take(() => (taken += 1))]
    await settled()
    expect(wire.opened).toBe(1)
    await listening(here)
    there.give()
    await settled()
    expect(taken).toBe(3)
    for (const stop of stops) await stop()
    await stops[0]?.()
    expect(wire.listeners).toHaveLength(1)
    await here.close()
    expect(wire.listeners).toEqual([])
  })

  test('has a line that was lost again after a pause, and is told that something may have been missed', async () => {
    await listening(here)
    wire.listeners[0]?.lost()
    await settled()
    expect([wire.opened, wire.listeners.length, taken]).toEqual([1, 0, 0])
    clock.advance('1s')
    await settled()
    expect([wire.opened, wire.listeners.length, taken]).toEqual([2, 1, 1])
    there.give()
    await settled()
    expect(taken).toBe(2)
  })

  test('tries again and again to get a line, with a pause before each time', async () => {
    wire.isCut = true
    here.take(() => (taken += 1))
    for (let second = 0; second < 5; second += 1) {
      await settled()
      clock.advance('1s')
    }
    await settled()
    expect([wire.opened, taken]).toEqual([6, 0])
    wire.isCut = false
    clock.advance('1s')
    await settled()
    expect([wire.opened, taken]).toEqual([7, 1])
  })

  test('notices a line on which nothing comes any more, though nobody said that it was lost', async () => {
    await listening(here)
    for (let quarter = 0; quarter < 4; quarter += 1) {
      clock.advance('15s')
      await settled()
    }
    expect(wire.opened).toBe(1)
    wire.isMute = true
    clock.advance('15s')
    await settled()
    clock.advance('15s')
    wire.isMute = false
    clock.advance('1s')
    await settled()
    expect([wire.opened, wire.listeners.length, taken]).toEqual([2, 1, 1])
  })

  test('takes no trial of a line for news', async () => {
    await listening(here)
    await listening(there)
    clock.advance('15s')
    await settled()
    expect(taken).toBe(0)
  })

  test('leaves nothing behind when all ends, not even before it has begun', async () => {
    here.take(() => (taken += 1))
    await here.close()
    await settled()
    clock.advance('1m')
    await settled()
    expect([wire.opened, taken]).toEqual([1, 0])
  })
})

/** Listens, and counts from then on. */
async function listening(hints: Hints): Promise<void> {
  hints.take(() => (taken += 1))
  await settled()
  taken = 0
}

/** What could go on has gone on. */
async function settled(): Promise<void> {
  for (let turn = 0; turn < 5; turn += 1) await new Promise(setImmediate)
}

import { expect, test } from 'vitest'
import { Turn } from './turn.ts'

test('whoever arrives in one turn goes on when it is over, and not before', async () => {
  const turn = new Turn()
  const order: string[] = []
  const first = turn.isOver()?.then(() => order.push('first'))
  await Promise.resolve()
  order.push('still in the turn')
  const second = turn.isOver()?.then(() => order.push('second'))
  await Promise.all([first, second])
  expect(order).toEqual(['still in the turn', 'first', 'second'])
})

test('whoever arrives in the next turn waits for the end of that one', async () => {
  const turn = new Turn()
  const first = turn.isOver()
  await first
  const second = turn.isOver()
  expect(second).not.toBe(first)
  await second
})

test('where the host has no turns nobody waits', () => {
  expect(new Turn(null).isOver()).toBeUndefined()
})

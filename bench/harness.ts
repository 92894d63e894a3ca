import { setImmediate as nextTurn } from 'node:timers/promises'

/** One of the things compared: prepares a turn, off the clock, and answers with the work to time. */
export type Side = () => Work | Promise<Work>

/** Carries out the plan's operations and answers how many of them came out right. */
export type Work = () => number | Promise<number>

/** How often. Every count is fixed beforehand, so a slow side is not measured differently from a fast one. */
export interface Plan {
  readonly operations: number
  readonly rounds: number
  /** Rounds that are run and thrown away. */
  readonly warmUp: number
}

/** Median and quartiles. */
export interface Spread {
  readonly low: number
  readonly median: number
  readonly high: number
}

/**
 * Microseconds per operation of each side, one figure a round. The sides take turns within a round and swap
 * places from round to round, so that what disturbs the machine disturbs them alike. Throws when an operation
 * came out wrong: a fast wrong answer is no measurement.
 */
export async function interleave(sides: readonly Side[], plan: Plan): Promise<readonly (readonly number[])[]> {
  const figures: number[][] = sides.map(() => [])
  const places = sides.map((_, place) => place)
  for (let round = -plan.warmUp; round < plan.rounds; round += 1) {
    for (const place of round % 2 === 0 ? places : places.toReversed()) {
      const microseconds = await turn(sides[place]!, plan.operations)
      if (round >= 0) figures[place]!.push(microseconds)
    }
  }
  return figures
}

async function turn(side: Side, operations: number): Promise<number> {
  const work = await side()
  collectGarbage()
  const start = process.hrtime.bigint()
  const right = await work()
  const elapsed = process.hrtime.bigint() - start
  if (right !== operations) throw new Error(`${right} of ${operations} operations came out right`)
  return Number(elapsed) / 1_000 / operations
}

/** What one figure is of another, round by round. */
export function ratios(figures: readonly number[], of: readonly number[]): readonly number[] {
  return figures.map((figure, round) => figure / of[round]!)
}

/** The median of figures and what lies around it. */
export function spread(figures: readonly number[]): Spread {
  const sorted = figures.toSorted((a, b) => a - b)
  return { low: quantile(sorted, 0.25), median: quantile(sorted, 0.5), high: quantile(sorted, 0.75) }
}

/** A quantile of sorted figures, between neighbours where it falls between them. */
export function quantile(sorted: readonly number[], share: number): number {
  const place = (sorted.length - 1) * share
  const below = sorted[Math.floor(place)]
  const above = sorted[Math.ceil(place)]
  if (below === undefined || above === undefined) return Number.NaN
  return below + (above - below) * (place - Math.floor(place))
}

/** Collects garbage, so that one side's is not collected at the other's expense. */
function collectGarbage(): void {
  if (globalThis.gc === undefined) throw new Error('start measurements with node --expose-gc')
  globalThis.gc()
}

/** Bytes that JavaScript holds at this moment, buffers included. Buffers are let go of a turn after their owners. */
export async function heldBytes(): Promise<number> {
  for (let turn = 0; turn < 3; turn += 1) {
    collectGarbage()
    await nextTurn()
  }
  const { heapUsed, external } = process.memoryUsage()
  return heapUsed + external
}

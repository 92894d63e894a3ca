import { quantile, ratios, spread } from './harness.ts'
import type { Spread } from './harness.ts'

/** An operation of ours beside the engine's own, in microseconds for one operation. */
export interface Comparison {
  readonly kind: 'comparison'
  readonly size: number
  readonly subject: string
  readonly ours: Spread
  readonly raw: Spread
  /** Ours by raw, taken round by round. */
  readonly ratio: Spread
  /** What the ratio should be at most, where a target was set. */
  readonly atMost: number | null
}

/** A figure that stands by itself. */
export interface Figure {
  readonly kind: 'figure'
  readonly size: number
  readonly subject: string
  readonly value: number
  readonly unit: string
  /** What the figure should be at most, where a target was set. */
  readonly atMost: number | null
}

/** How long validations took while the machine was otherwise quiet, and while something went on, in microseconds. */
export interface Disturbance {
  readonly kind: 'disturbance'
  readonly size: number
  readonly subject: string
  readonly quiet: Percentiles
  readonly busy: Percentiles
  /** What the 99th percentile should be at most, of what it was while quiet. */
  readonly atMost: number
}

export interface Percentiles {
  readonly p50: number
  readonly p99: number
}

export type Finding = Comparison | Figure | Disturbance

/** Whether a finding reaches its target; null where none was set. */
export function isMet(finding: Finding): boolean | null {
  return finding.atMost === null ? null : judged(finding) <= finding.atMost
}

/** The number that the target speaks of. */
export function judged(finding: Finding): number {
  if (finding.kind === 'comparison') return finding.ratio.median
  return finding.kind === 'figure' ? finding.value : finding.busy.p99 / finding.quiet.p99
}

/** A comparison from the figures of both sides, round by round. */
export function comparison(
  size: number,
  subject: string,
  [ours = [], raw = []]: readonly (readonly number[])[],
  atMost: number | null = null,
): Comparison {
  return {
    kind: 'comparison',
    size,
    subject,
    ours: spread(ours),
    raw: spread(raw),
    ratio: spread(ratios(ours, raw)),
    atMost,
  }
}

/** A figure by itself. */
export function figure(
  size: number,
  subject: string,
  value: number,
  unit: string,
  atMost: number | null = null,
): Figure {
  return { kind: 'figure', size, subject, value, unit, atMost }
}

/** A disturbance from single measurements. */
export function disturbance(
  size: number,
  subject: string,
  quiet: readonly number[],
  busy: readonly number[],
  atMost: number,
): Disturbance {
  return { kind: 'disturbance', size, subject, quiet: percentiles(quiet), busy: percentiles(busy), atMost }
}

function percentiles(figures: readonly number[]): Percentiles {
  const sorted = figures.toSorted((a, b) => a - b)
  return { p50: quantile(sorted, 0.5), p99: quantile(sorted, 0.99) }
}

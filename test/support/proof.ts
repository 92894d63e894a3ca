import { appendFileSync } from 'node:fs'

/** What a proof has found, for docs/PROOF.md. */
export interface Finding {
  /** Which sentence of ours was tried, as a reader knows it. */
  readonly claim: string
  /** How often, in words that carry their unit: `300 kills`, `60,000 interleavings`. */
  readonly tried: string
  /** What came of it: `0 lost`, `0 stale answers`. */
  readonly found: string
  /** What repeats it; undefined where nothing was drawn. */
  readonly seed?: number | undefined
}

/** Says what came of a proof: on the terminal always, and in the file that `SOJOURN_PROOF` names, a line of JSON each. */
export function found(finding: Finding): void {
  const { claim, tried, found: outcome, seed } = finding
  console.log(`${claim}: ${tried}, ${outcome}${seed === undefined ? '' : ` (seed ${seed})`}`)
  const file = process.env['SOJOURN_PROOF']
  if (file) appendFileSync(file, `${JSON.stringify(finding)}\n`)
}

/** A number as these sentences have it: `1,000,000`. */
export function figure(count: number): string {
  return count.toLocaleString('en')
}

import type { Output, OutputStream } from './output.ts'
import { figure } from './text.ts'

const BAR = 24
/** Milliseconds between two drawings: often enough to move, seldom enough to cost nothing. */
const REDRAW = 80

/** A progress bar on standard error, where that is a terminal; nowhere else does it write anything. */
export class Progress {
  /** Whether anybody sees it: where not, a total need not be counted for it. */
  readonly isSeen: boolean
  readonly #stream: OutputStream
  readonly #label: string
  #drawnAt = Number.NEGATIVE_INFINITY

  constructor(output: Output, label: string) {
    this.isSeen = output.stderr.isTTY === true && !output.isJson
    this.#stream = output.stderr
    this.#label = label
  }

  /** Shows how many of how many are done. */
  update(done: number, total: number): void {
    const now = performance.now()
    if (!this.isSeen || (now - this.#drawnAt < REDRAW && done < total)) return
    this.#drawnAt = now
    this.#stream.write(`\r\u001b[2K${progressLine(this.#label, done, total)}`)
  }

  /** Takes the bar away, so that the result stands in its place. */
  finish(): void {
    if (this.isSeen) this.#stream.write('\r\u001b[2K')
  }
}

/** A bar as text, as in `ending ████░░░░  50 %  500 of 1,000`. */
export function progressLine(label: string, done: number, total: number): string {
  const share = total === 0 ? 1 : Math.min(1, done / total)
  const full = Math.round(share * BAR)
  const percent = `${Math.floor(share * 100)} %`.padStart(5)
  return `${label} ${'█'.repeat(full)}${'░'.repeat(BAR - full)} ${percent}  ${figure(done)} of ${figure(total)}`
}

import type { Writable } from 'node:stream'
import { styleText } from 'node:util'
import { instant, minute, safeJson } from './text.ts'
import { failed } from '../failure.ts'
import { layOut, rowLine, titleLine } from './table.ts'
import type { Column, Row } from './table.ts'

/** Where a program writes: a stream of the process, or one that a test reads. */
export type OutputStream = Writable & { readonly isTTY?: boolean; readonly columns?: number }

/** Below this many columns instants are shown to the minute. */
const ROOMY = 120

/** A manner of writing: what it means, not how it looks. */
export type Emphasis = 'title' | 'strong' | 'faint' | 'good' | 'bad' | 'warning' | 'code'

const STYLES = {
  title: ['bold', 'cyan'],
  strong: 'bold',
  faint: 'dim',
  good: 'green',
  bad: 'red',
  warning: 'yellow',
  code: 'cyan',
} as const satisfies Record<Emphasis, Parameters<typeof styleText>[0]>

/** Thrown where output goes on and nobody reads it any more, as in `sojourn list | head -1`. Not a failure. */
export class PipeClosed extends Error {
  constructor() {
    super('the reader of standard output has gone')
    this.name = 'PipeClosed'
  }
}

/** What the program says: results on standard output, everything else on standard error. */
export class Output {
  readonly stdout: OutputStream
  readonly stderr: OutputStream
  /** Results as JSON for programs, rather than text for people. */
  isJson = false
  readonly #env: NodeJS.ProcessEnv
  #isClosed = false

  constructor(stdout: OutputStream, stderr: OutputStream, env: NodeJS.ProcessEnv) {
    this.stdout = stdout
    this.stderr = stderr
    this.#env = env
    // Whoever writes is told by the callback; without a listener Node would end the program with a stack trace.
    stdout.on('error', () => {
      this.#isClosed = true
    })
    stderr.on('error', () => {})
  }

  /** The columns there are: of the terminal, else of `$COLUMNS`, else null for no limit. */
  get width(): number | null {
    if (this.stdout.isTTY === true) return this.stdout.columns || 80
    const columns = Number(this.#env['COLUMNS'])
    return Number.isInteger(columns) && columns > 0 ? columns : null
  }

  /** The text in colour, where standard output is a terminal and colours are wanted (`NO_COLOR`, `FORCE_COLOR`). */
  style(emphasis: Emphasis, text: string): string {
    return styleText([STYLES[emphasis]].flat(), text, { stream: this.stdout })
  }

  /** An instant in ISO 8601 and UTC: to the second, or to the minute where there is little room. */
  instant(at: Date): string {
    return this.width !== null && this.width < ROOMY ? minute(at) : instant(at)
  }

  /** Writes to standard output and waits until it is through. Rejects with `PipeClosed` when the reader has gone. */
  async write(text: string): Promise<void> {
    this.assertOpen()
    await new Promise<void>((resolve, reject) => {
      this.stdout.write(text, (error) => (error ? reject(unwritten(error)) : resolve()))
    })
  }

  /** Throws `PipeClosed` when the reader has gone, for work that would go on without writing. */
  assertOpen(): void {
    if (this.#isClosed || this.stdout.destroyed) throw new PipeClosed()
  }

  /** Writes what came of a command: the value as one JSON document, or the text. */
  async result(value: unknown, text: () => string): Promise<void> {
    await this.write(`${this.isJson ? safeJson(value, 2) : text()}\n`)
  }

  /** Says something to a person on the side. Programs that asked for JSON are not told. */
  note(text: string): void {
    if (!this.isJson) this.stderr.write(`${text}\n`)
  }

  /** A table as lines that fit. */
  table(columns: readonly Column[], rows: readonly Row[], width: number | null = this.width): string {
    const layout = layOut(columns, rows, width)
    return [this.style('strong', titleLine(layout)), ...rows.map((row) => rowLine(layout, row))].join('\n')
  }
}

function unwritten(error: NodeJS.ErrnoException): Error {
  if (error.code === 'EPIPE') return new PipeClosed()
  return failed('output_lost', `standard output could not be written: ${error.code ?? error.message}`)
}

import { inspect } from 'node:util'
import type { Cli } from '../cli.ts'
import { wrap } from '../output/text.ts'
import { layOut, rowLine, titleLine } from '../output/table.ts'
import type { Column, Row } from '../output/table.ts'

const GUTTER = '│  '
/** Lines longer than this are hard to read, however wide the terminal is. */
const WIDEST = 88
/** Before the second line of a call and those after it. */
const INDENT = '    '
/** Ctrl-C, Ctrl-D, Esc and q. */
const LEAVING = ['\u0003', '\u0004', '\u001b', 'q']

/** Where the tour takes place: everything it says, shows and asks goes through here. */
export class Stage {
  readonly #cli: Cli
  /** Whether somebody is there to press keys. */
  readonly isInteractive: boolean
  /** Something was answered since somebody last pressed a key. */
  #isUnread = false

  constructor(cli: Cli, isInteractive: boolean) {
    this.#cli = cli
    this.isInteractive = isInteractive
  }

  /** A heading, as in `◆  1 of 6: Basic flow`. */
  async heading(text: string): Promise<void> {
    await this.#cli.output.write(`${this.#faint('│')}\n${this.#cli.output.style('title', `◆  ${text}`)}\n`)
  }

  /** A paragraph. Whoever is there first finishes reading what was answered before. */
  async say(text: string): Promise<void> {
    if (this.#isUnread) await this.#pause()
    await this.#lines(['', ...wrap(text, this.#room())])
  }

  /** A call of the library, as an application would write it. */
  async call(code: string): Promise<void> {
    const lines = wrap(code, this.#room() - INDENT.length).map((line, index) => (index === 0 ? line : INDENT + line))
    await this.#lines(['', ...lines.map((line) => this.#cli.output.style('code', line))])
  }

  /** What came back, as a program sees it or as plain text, and what it means. */
  async answer(value: unknown, words?: string): Promise<void> {
    const text =
      typeof value === 'string' ? value : inspect(value, { breakLength: this.#room() - 2, compact: 3, depth: 4 })
    await this.#lines(text.split('\n').map((line, index) => (index === 0 ? `→ ${line}` : `  ${line}`)))
    this.#isUnread = this.isInteractive
    if (words !== undefined) await this.#lines(wrap(words, this.#room() - 2).map((line) => `  ${this.#faint(line)}`))
  }

  /** A short table. */
  async table(columns: readonly Column[], rows: readonly Row[]): Promise<void> {
    this.#isUnread = this.isInteractive
    const layout = layOut(columns, rows, this.#room())
    await this.#lines([
      '',
      this.#cli.output.style('strong', titleLine(layout)),
      ...rows.map((row) => rowLine(layout, row)),
    ])
  }

  /** Something a person types; with nobody there, or nothing typed, what it would have been. */
  async ask(question: string, usual: string): Promise<string> {
    if (!this.isInteractive) return usual
    const prompts = await import('@clack/prompts')
    const answer = await prompts.text({
      message: question,
      placeholder: usual,
      defaultValue: usual,
      ...this.#streams(),
    })
    if (typeof answer !== 'string') throw new TourLeft()
    return answer
  }

  /** One of several things to do; `usual` with nobody there. */
  async choose<Choice extends string>(
    question: string,
    choices: readonly { readonly value: Choice; readonly label: string }[],
    usual: Choice,
  ): Promise<Choice> {
    if (!this.isInteractive) return usual
    const prompts = await import('@clack/prompts')
    const options: { value: string; label: string }[] = choices.map((choice) => ({ ...choice }))
    this.#isUnread = false
    const answer = await prompts.select<string>({ message: question, options, initialValue: usual, ...this.#streams() })
    const chosen = choices.find(({ value }) => value === answer)
    if (chosen === undefined) throw new TourLeft()
    return chosen.value
  }

  /** The first line of all. */
  async begin(text: string): Promise<void> {
    await this.#cli.output.write(`\n${this.#faint('┌')}  ${this.#cli.output.style('strong', text)}\n`)
  }

  /** The last lines of all. */
  async end(paragraphs: readonly string[]): Promise<void> {
    // What begins with a blank is a table, and stays as it is.
    const lines = paragraphs.flatMap((text) => (text.startsWith(' ') ? [text] : wrap(text, this.#room())))
    const last = lines.length - 1
    const bars = lines.map((line, index) => `${this.#faint(index === last ? '└' : '│')}  ${line}`.trimEnd())
    await this.#cli.output.write(`${this.#faint('│')}\n${bars.join('\n')}\n\n`)
  }

  async #pause(): Promise<void> {
    const { input, output } = this.#cli
    await output.write(this.#faint(`${GUTTER}\n${GUTTER}Enter: go on   q: leave`))
    input.setRawMode?.(true)
    const key = await nextKey(input)
    if (key === null) throw new TourLeft()
    input.setRawMode?.(false)
    await output.write('\r\u001b[2K\u001b[1A')
    this.#isUnread = false
    if (LEAVING.includes(key)) throw new TourLeft()
  }

  async #lines(lines: readonly string[]): Promise<void> {
    await this.#cli.output.write(lines.map((line) => `${this.#faint(GUTTER)}${line}`.trimEnd() + '\n').join(''))
  }

  #room(): number {
    return Math.min(this.#cli.output.width ?? WIDEST, WIDEST) - GUTTER.length - 1
  }

  #faint(text: string): string {
    return this.#cli.output.style('faint', text)
  }

  #streams(): { input: Cli['input']; output: Cli['output']['stdout'] } {
    return { input: this.#cli.input, output: this.#cli.output.stdout }
  }
}

/** Thrown when the person on the tour leaves it. */
export class TourLeft extends Error {}

/** What is typed next, or null when the terminal has gone. */
async function nextKey(input: Cli['input']): Promise<string | null> {
  const { promise, resolve } = Promise.withResolvers<string | null>()
  const typed = (key: unknown): void => resolve(String(key))
  const gone = (): void => resolve(null)
  input.once('data', typed).once('end', gone).once('close', gone).resume()
  try {
    return await promise
  } finally {
    input.removeListener('data', typed).removeListener('end', gone).removeListener('close', gone).pause()
  }
}

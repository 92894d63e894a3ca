import type { Session } from 'sojourn'
import type { Output } from './output.ts'
import { visible } from './text.ts'
import { layOut, rowLine, titleLine } from './table.ts'
import type { Column, Layout, Row } from './table.ts'

const ID: Column = { title: 'ID', rank: 1 }
const USER: Column = { title: 'USER', rank: 2, least: 6 }
const STATE: Column = { title: 'STATE', rank: 3, least: 8 }
const LAST_USED: Column = { title: 'LAST USED', rank: 4 }
const DEVICE: Column = { title: 'DEVICE', rank: 5, least: 12 }
const ADDRESS: Column = { title: 'ADDRESS', rank: 6 }
const CREATED: Column = { title: 'SIGNED IN', rank: 7 }
const METHOD: Column = { title: 'METHOD', rank: 8, least: 6 }

/** Sessions as a table that fits, in pieces: the widths of the first piece hold for the rest. */
export class SessionTable {
  readonly #output: Output
  readonly #isMixed: boolean
  #layout: Layout | null = null

  /** `isMixed`: ended sessions are among them, so each row says what state it is in. */
  constructor(output: Output, isMixed: boolean) {
    this.#output = output
    this.#isMixed = isMixed
  }

  /** The lines of some sessions; the first time with the titles above. */
  lines(sessions: readonly Session[]): string {
    const rows = sessions.map((session) => this.#row(session))
    const titles: string[] = []
    if (this.#layout === null) {
      this.#layout = layOut(this.#columns(), rows, this.#output.width)
      titles.push(this.#output.style('strong', titleLine(this.#layout)))
    }
    const layout = this.#layout
    return [...titles, ...rows.map((row, index) => this.#painted(rowLine(layout, row), sessions[index]))].join('\n')
  }

  #columns(): readonly Column[] {
    return [ID, USER, ...(this.#isMixed ? [STATE] : []), LAST_USED, DEVICE, ADDRESS, CREATED, METHOD]
  }

  #row(session: Session): Row {
    return [
      session.id,
      visible(session.username),
      ...(this.#isMixed ? [stateOf(session)] : []),
      this.#output.instant(session.lastAccessedAt),
      visible(session.device.label),
      visible(session.device.ip ?? '-'),
      this.#output.instant(session.createdAt),
      visible(session.method ?? '-'),
    ]
  }

  #painted(line: string, session: Session | undefined): string {
    return this.#isMixed && session?.isActive === false ? this.#output.style('faint', line) : line
  }
}

/** One word for where a session stands: `active`, or why it ended. */
export function stateOf(session: Session): string {
  if (session.isActive) return 'active'
  return session.endReason ?? 'overdue'
}

import { DatabaseSync } from 'node:sqlite'
import { SessionManager } from '../../../packages/sojourn/src/index.ts'
import { SqliteStore } from '../../../packages/sojourn/src/stores/sqlite.ts'

/** What is known of a session from outside: what was acknowledged, or that nobody can tell. */
type Knowledge = 'standing' | 'ended' | 'unknown'

/** What an audit can find wrong. */
export interface Finding {
  readonly kind: 'lost login' | 'undone logout' | 'denied logout' | 'history' | 'integrity'
  readonly detail: string
}

interface Entry {
  readonly userId: string
  knowledge: Knowledge
}

/** What was acknowledged to somebody outside the process, to be held against what the file says afterwards. */
export class Ledger {
  readonly #entries = new Map<string, Entry>()
  #denied: Finding[] = []
  #acknowledged = 0

  /** How many promises were seen to resolve. */
  get acknowledged(): number {
    return this.#acknowledged
  }

  /** Tokens that nobody has begun to log out, at most so many. */
  standing(limit: number): readonly string[] {
    return [...this.#entries]
      .filter(([, { knowledge }]) => knowledge === 'standing')
      .slice(0, limit)
      .map(([token]) => token)
  }

  /** Takes down what a program said. */
  read(lines: readonly string[]): void {
    for (const line of lines) {
      const [word, subject = '', userId = ''] = line.split(' ')
      if (word === 'checked' || word === 'failed' || word === 'unopened') continue
      if (word?.startsWith('begin-') === false) this.#acknowledged += 1
      if (word === 'login') this.#entries.set(subject, { userId, knowledge: 'standing' })
      else if (word === 'begin-logout') this.#entries.get(subject)!.knowledge = 'unknown'
      else if (word === 'logout') this.#entries.get(subject)!.knowledge = 'ended'
      else if (word === 'denied-logout') this.#denied.push({ kind: 'denied logout', detail: line })
      else if (word === 'begin-everywhere') this.#everySession(subject, 'unknown')
      else if (word === 'everywhere') this.#everySession(subject, 'ended')
      else throw new Error(`no such line: ${line}`)
    }
  }

  /**
   * Opens the file as the next process would and compares. What was unknown is settled by this look: from now on
   * it must stay so.
   */
  async audit(path: string): Promise<readonly Finding[]> {
    const findings = [...this.#denied, ...(await this.#compare(path)), ...historyFaults(path)]
    this.#denied = []
    return findings
  }

  async #compare(path: string): Promise<readonly Finding[]> {
    const findings: Finding[] = []
    await using sessions = new SessionManager({ store: SqliteStore.open(path) })
    for (const [token, entry] of this.#entries) {
      const check = await sessions.validate(token, { isPassive: true })
      const detail = `${token.slice(0, 36)}: ${check.ok ? 'stands' : check.reason}`
      if (entry.knowledge === 'standing' && !check.ok) findings.push({ kind: 'lost login', detail })
      if (entry.knowledge === 'ended' && check.ok) findings.push({ kind: 'undone logout', detail })
      if (entry.knowledge === 'unknown') entry.knowledge = check.ok ? 'standing' : 'ended'
    }
    return findings
  }

  #everySession(userId: string, knowledge: Knowledge): void {
    for (const entry of this.#entries.values()) {
      if (entry.userId === userId && entry.knowledge !== 'ended') entry.knowledge = knowledge
    }
  }
}

/** Where the file is damaged, or its history does not tell of exactly what its records say. */
export function historyFaults(path: string): readonly Finding[] {
  const database = new DatabaseSync(path, { readOnly: true })
  try {
    const damage = database.prepare('PRAGMA integrity_check').all()
    const orphans = database.prepare('PRAGMA foreign_key_check').all()
    const untold = database.prepare(UNTOLD).all()
    return [
      ...damage
        .filter((row) => row['integrity_check'] !== 'ok')
        .map((row) => ({ kind: 'integrity', detail: String(row['integrity_check']) }) as const),
      ...orphans.map((row) => ({ kind: 'integrity', detail: JSON.stringify(row) }) as const),
      ...untold.map((row) => ({ kind: 'history', detail: JSON.stringify(row) }) as const),
    ]
  } finally {
    database.close()
  }
}

/** Sessions that do not have exactly one beginning and, if ended, exactly one end in the log; and the reverse. */
const UNTOLD = `
  WITH told AS (
    SELECT session_id, sum(type = 'session_created') AS begun, sum(type = 'session_ended') AS ended
      FROM sojourn_events WHERE session_id IS NOT NULL GROUP BY session_id
  )
  SELECT session_id, begun, ended, end_reason
    FROM sojourn_sessions FULL JOIN told USING (session_id)
   WHERE version IS NULL OR begun IS NOT 1 OR ended IS NOT (end_reason IS NOT NULL)`

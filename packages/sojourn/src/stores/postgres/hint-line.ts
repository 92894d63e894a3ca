import type { HintLine, LineEvents, OpenLine } from '../hints.ts'
import { statement } from './connection.ts'
import type { PostgresConnection } from './connection.ts'
import type { PostgresEngine } from './engine.ts'
import type { PostgresClient } from './pool.ts'

/** Of one set of our tables, whatever else is in the same database: what is meant by a name follows from `search_path`. */
const CHANNEL = `'sojourn_' || 'sojourn_events'::regclass::oid`
const WHICH = statement('hint_channel', `SELECT ${CHANNEL}`)
/**
 * A notice holds a lock of the whole server from its commit until that is on the disk, and waits for that of others. So it is
 * never part of a login or an end, and its own transaction waits for no disk: nothing is lost with it.
 */
const SAY = statement('hint', `SELECT set_config('synchronous_commit', 'off', true), pg_notify(${CHANNEL}, $1)`)

/** Hints by `NOTIFY`. Who listens has a connection of the pool for that alone. */
export class PostgresHintLine implements HintLine {
  readonly #engine: PostgresEngine

  constructor(engine: PostgresEngine) {
    this.#engine = engine
  }

  say(words: string): Promise<unknown> {
    return this.#engine.write((connection) => connection.rows(SAY, words))
  }

  open(events: LineEvents): OpenLine {
    let client: PostgresClient | null = null
    let isClosed = false
    const release = (): void => {
      client?.release(true)
      client = null
    }
    const open = async (): Promise<void> => {
      let ours = ''
      client = await this.#engine.take(async (connection) => (ours = await listen(connection)))
      client.on?.('error', events.lost)
      client.on?.('notification', ({ channel, payload = '' }) => {
        if (channel === ours) events.heard(payload)
      })
      if (isClosed) release()
    }
    const isOpen = open()
    return {
      isOpen,
      close: async () => {
        isClosed = true
        release()
        await isOpen.catch(() => {})
      },
    }
  }
}

/** Answers what notices are heard by. */
async function listen(connection: PostgresConnection): Promise<string> {
  const channel = String((await connection.row(WHICH))?.[0])
  await connection.exec(`LISTEN ${channel}`)
  return channel
}

import { SojournError } from '../../core/errors.ts'
import type { EndedSession } from '../../core/store.ts'
import { isCluster, sender } from './client.ts'
import type { AnyRedis, RedisWord, Send } from './client.ts'
import { isLostIndex, isUnknownScript, meaningOf } from './errors.ts'
import type { Partition } from './keys.ts'
import { endedSessions, list, text } from './replies.ts'
import { OWN_INDEXES, REBUILD, RECOUNT, SWEEP } from './scripts/rebuild.ts'
import type { Script } from './scripts/script.ts'

/** How many keys or ids one step of a rebuild looks at. */
const STEP = 200
const INDEXES_OF_ALL = [
  'all:created',
  'all:accessed',
  'all:end',
  'open:created',
  'open:accessed',
  'open:end',
  'open:authenticated',
]
const COUNTS = ['users', 'open:users', 'names']

/** What a script is told besides its partition. */
export type Argument = string | number | Buffer

/** Whose indexes are needed, if anybody's in particular. */
export interface Owner {
  readonly userId?: string | undefined
  readonly username?: string | undefined
}

/** Runs scripts and commands within a deadline, and says in one sentence why one could not be run. */
export class RedisConnection {
  readonly isCluster: boolean
  readonly #send: Send
  readonly #deadline: number
  readonly #pending = new Set<Promise<unknown>>()
  /** What is being mended, by the script and the partition. */
  readonly #mending = new Map<string, Promise<readonly EndedSession[]>>()
  #isClosed = false

  constructor(client: AnyRedis, deadline: number) {
    this.isCluster = isCluster(client)
    this.#send = sender(client)
    this.#deadline = deadline
  }

  assertOpen(): void {
    if (this.#isClosed) throw new SojournError('closed', 'this RedisStore was closed; open a new one')
  }

  /** Runs a script on a partition. Its first argument is the partition's number. */
  run(script: Script, partition: Partition, ...rest: readonly Argument[]): Promise<unknown> {
    return this.evaluate(script, partition, [partition.number, ...rest])
  }

  /** Runs a script on a partition with exactly these arguments. */
  async evaluate(script: Script, partition: Partition, args: readonly Argument[]): Promise<unknown> {
    const words = [script.sha, '1', partition.base, ...args.map(word)]
    try {
      return await this.#within(this.#evaluate(script, partition.base, words))
    } catch (error) {
      throw isLostIndex(error) ? error : meaningOf(error)
    }
  }

  /** Sends one command to the server that holds a key. */
  async command(key: string, words: RedisWord[]): Promise<unknown> {
    try {
      return await this.#within(this.#send(key, words))
    } catch (error) {
      throw meaningOf(error)
    }
  }

  /**
   * Does something that needs the indexes of a partition. Where one was lost it is made again from the sessions, and
   * then it is done once more.
   */
  async withIndexes<T>(partition: Partition, owner: Owner, task: () => Promise<T>): Promise<T> {
    try {
      return await task()
    } catch (error) {
      if (!isLostIndex(error)) throw error
      await this.rebuild(partition, owner)
    }
    try {
      return await task()
    } catch (error) {
      throw meaningOf(error)
    }
  }

  /**
   * Makes the indexes of a partition again from the sessions themselves, and where they still contradict each other takes
   * out what is no session. Answers with those that a raised epoch had ended and that nobody had found.
   */
  async rebuild(partition: Partition, { userId = '', username = '' }: Owner): Promise<readonly EndedSession[]> {
    const found = await this.#once(REBUILD, partition, () => this.#walk(REBUILD, partition))
    if ((await this.run(RECOUNT, partition, userId, username)) === 1) return found
    return [...found, ...(await this.#once(SWEEP, partition, () => this.#sweep(partition)))]
  }

  /** Waits for what is under way; nothing new is begun. */
  async close(): Promise<void> {
    this.#isClosed = true
    await Promise.allSettled(this.#pending)
  }

  /** Takes out of every index what is no session. The counts come last: they follow from the indexes. */
  async #sweep(partition: Partition): Promise<readonly EndedSession[]> {
    const ended: EndedSession[] = []
    for (let from = '0'; ;) {
      const [next, ...names] = list(await this.run(OWN_INDEXES, partition, from, STEP))
      for (const name of names) ended.push(...(await this.#walk(SWEEP, partition, text(name))))
      from = text(next)
      if (from === '0') break
    }
    for (const name of [...INDEXES_OF_ALL, ...COUNTS]) ended.push(...(await this.#walk(SWEEP, partition, name)))
    await this.run(RECOUNT, partition, '', '')
    return ended
  }

  /** Runs a script step by step until it has been through all. */
  async #walk(script: Script, partition: Partition, ...args: readonly Argument[]): Promise<readonly EndedSession[]> {
    const found: EndedSession[] = []
    let from = '0'
    do {
      const [next, ...ended] = list(await this.run(script, partition, ...args, from, STEP))
      from = text(next)
      found.push(...endedSessions(ended))
    } while (from !== '0')
    return found
  }

  /** Whoever comes while somebody mends the same shares it: it goes through everything, and may take a while. */
  #once(
    script: Script,
    { base }: Partition,
    mend: () => Promise<readonly EndedSession[]>,
  ): Promise<readonly EndedSession[]> {
    const name = script.sha + base
    const mending = this.#mending.get(name) ?? mend().finally(() => this.#mending.delete(name))
    this.#mending.set(name, mending)
    return mending
  }

  async #evaluate(script: Script, base: string, words: readonly RedisWord[]): Promise<unknown> {
    try {
      return await this.#send(base, ['EVALSHA', ...words])
    } catch (error) {
      if (!isUnknownScript(error)) throw error
      return this.#send(base, ['EVAL', script.text, ...words.slice(1)])
    }
  }

  /** A call whose answer does not come in time is given up. The client keeps its answers in order, so it arrives nowhere. */
  async #within<T>(call: Promise<T>): Promise<T> {
    let timer: NodeJS.Timeout | undefined
    const tooLate = new Promise<never>((_, reject) => {
      timer = setTimeout(() => {
        const message = `the redis server did not answer within ${this.#deadline} ms; nothing is known`
        reject(new SojournError('store_unavailable', message))
      }, this.#deadline)
    })
    const answer = Promise.race([call, tooLate])
    this.#pending.add(answer)
    try {
      return await answer
    } finally {
      clearTimeout(timer)
      this.#pending.delete(answer)
    }
  }
}

function word(argument: Argument): RedisWord {
  return typeof argument === 'number' ? String(argument) : argument
}

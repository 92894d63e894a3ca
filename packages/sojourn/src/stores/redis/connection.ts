import { SojournError } from '../../core/errors.ts'
import type { EndedSession } from '../../core/store.ts'
import { isCluster, sender } from './client.ts'
import type { AnyRedis, RedisWord, Send } from './client.ts'
import { isLostIndex, isUnknownScript, meaningOf } from './errors.ts'
import type { Partition } from './keys.ts'
import { Mending } from './mending.ts'
import type { Owner } from './mending.ts'
import type { Script } from './scripts/script.ts'

/** What a script is told besides its partition. */
export type Argument = string | number | Buffer

/** How often indexes are made again for one call. */
const MENDINGS = 3

/** Runs scripts and commands within a deadline, and says in one sentence why one could not be run. */
export class RedisConnection {
  readonly isCluster: boolean
  readonly #send: Send
  readonly #deadline: number
  readonly #pending = new Set<Promise<unknown>>()
  readonly #mending = new Mending((...call) => this.run(...call))
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
   * then it is done once more; a few times, where somebody goes on deleting them.
   */
  async withIndexes<T>(partition: Partition, owner: Owner, task: () => Promise<T>): Promise<T> {
    for (let left = MENDINGS; ; left -= 1) {
      try {
        return await task()
      } catch (error) {
        if (!isLostIndex(error) || left === 0) throw meaningOf(error)
      }
      await this.rebuild(partition, owner)
    }
  }

  /** Makes the indexes of a partition agree with its sessions, as `Mending` does. */
  async rebuild(partition: Partition, owner: Owner): Promise<readonly EndedSession[]> {
    return this.#mending.rebuild(partition, owner)
  }

  /** Waits for what is under way; nothing new is begun. */
  async close(): Promise<void> {
    this.#isClosed = true
    await Promise.allSettled(this.#pending)
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

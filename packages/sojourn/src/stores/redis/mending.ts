import type { EndedSession } from '../../core/store.ts'
import type { Partition } from './keys.ts'
import { endedSessions, list, text } from './replies.ts'
import { BEGIN_MENDING, END_MENDING, IS_WHOLE, OWN_INDEXES, REBUILD, SWEEP } from './scripts/rebuild.ts'
import type { Script } from './scripts/script.ts'

/** How many keys or ids one step of a rebuild looks at. */
const STEP = 200
/** How often everything is gone through at most, where somebody goes on deleting indexes. */
const PASSES = 10
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

/** Whose indexes are needed, if anybody's in particular. */
export interface Owner {
  readonly userId?: string | undefined
  readonly username?: string | undefined
}

/** Runs a script on a partition. */
type Run = (script: Script, partition: Partition, ...rest: readonly (string | number)[]) => Promise<unknown>

/** Makes indexes that were lost, or that contradict each other, agree with the sessions again. */
export class Mending {
  readonly #run: Run
  /** What is under way, by the partition. */
  readonly #underWay = new Map<string, Promise<readonly EndedSession[]>>()

  constructor(run: Run) {
    this.#run = run
  }

  /**
   * Makes the indexes of a partition again from the sessions themselves, and where they still contradict each other takes
   * out what is no session. Answers with those that a raised epoch had ended and that nobody had found.
   */
  async rebuild(partition: Partition, { userId = '', username = '' }: Owner): Promise<readonly EndedSession[]> {
    const remake = (isSweeping: boolean): Promise<readonly EndedSession[]> =>
      this.#once(partition, () => this.#remake(partition, [userId, username], isSweeping))
    const found = await remake(false)
    if ((await this.#run(IS_WHOLE, partition, userId, username)) === 1) return found
    return [...found, ...(await remake(true))]
  }

  /** Goes through everything, and again where something was lost meanwhile. */
  async #remake(partition: Partition, owner: readonly string[], isSweeping: boolean): Promise<readonly EndedSession[]> {
    const ended: EndedSession[] = []
    if (isSweeping) ended.push(...(await this.#sweep(partition)))
    for (let pass = 0; pass < PASSES; pass += 1) {
      const name = await this.#run(BEGIN_MENDING, partition, ...owner)
      if (name === null) break
      ended.push(...(await this.#walk(REBUILD, partition)))
      const outcome = text(await this.#run(END_MENDING, partition, text(name)))
      if (outcome === 'whole') break
      if (outcome === 'apart') ended.push(...(await this.#sweep(partition)))
    }
    return ended
  }

  /** Takes out of every index what is no session. The counts come last: they follow from the indexes. */
  async #sweep(partition: Partition): Promise<readonly EndedSession[]> {
    const ended: EndedSession[] = []
    for (let from = '0'; ;) {
      const [next, ...names] = list(await this.#run(OWN_INDEXES, partition, from, STEP))
      for (const name of names) ended.push(...(await this.#walk(SWEEP, partition, text(name))))
      from = text(next)
      if (from === '0') break
    }
    for (const name of [...INDEXES_OF_ALL, ...COUNTS]) ended.push(...(await this.#walk(SWEEP, partition, name)))
    return ended
  }

  /** Runs a script step by step until it has been through all. */
  async #walk(script: Script, partition: Partition, ...args: readonly string[]): Promise<readonly EndedSession[]> {
    const found: EndedSession[] = []
    let from = '0'
    do {
      const [next, ...ended] = list(await this.#run(script, partition, ...args, from, STEP))
      from = text(next)
      found.push(...endedSessions(ended))
    } while (from !== '0')
    return found
  }

  /** Whoever comes while somebody mends shares it: it goes through everything, and may take a while. */
  #once({ base }: Partition, mend: () => Promise<readonly EndedSession[]>): Promise<readonly EndedSession[]> {
    const mending = this.#underWay.get(base) ?? mend().finally(() => this.#underWay.delete(base))
    this.#underWay.set(base, mending)
    return mending
  }
}

import type { TimeSources } from '../../packages/sojourn/src/core/clock.ts'
import type { Store } from '../../packages/sojourn/src/core/store.ts'
import { CachedStore } from '../../packages/sojourn/src/stores/cached.ts'
import type { CachedOptions } from '../../packages/sojourn/src/stores/cached.ts'
import { Lease } from '../../packages/sojourn/src/stores/cached/lease.ts'
import type { Moment } from '../../packages/sojourn/src/stores/cached/lease.ts'
import { RecordMemory } from '../../packages/sojourn/src/stores/cached/record-memory.ts'

/** A cache that goes wrong only in bad weather, and what is wrong with it. */
export interface PlantedCache {
  readonly fault: string
  readonly open: (store: Store, options: CachedOptions) => CachedStore
}

class UnguardedMemory extends RecordMemory {
  protected override generationOf(): number {
    return 0
  }
}

class LateDenial extends RecordMemory {
  override withhold(): () => void {
    return () => undefined
  }

  override withholdUser(): () => void {
    return () => undefined
  }
}

class LeaseFromTheAnswer extends Lease {
  override renew(): void {
    super.renew(this.moment())
  }
}

class LeaseForEver extends Lease {
  override isHeld(): boolean {
    return this.age() !== null
  }
}

/** Runs out when a timer says so. */
class FlaggedLease extends Lease {
  readonly #runOutLater: (sentAt: Moment, task: () => void) => () => void
  #isValid = false
  #cancel: (() => void) | null = null

  constructor(span: number, time: TimeSources, after: NonNullable<CachedOptions['clock']>['after']) {
    super(span, time)
    this.#runOutLater = (sentAt, task) => after!(span - (time.monotonic() - sentAt.monotonic), task)
  }

  override renew(sentAt: Moment): void {
    super.renew(sentAt)
    this.#cancel?.()
    this.#isValid = true
    this.#cancel = this.#runOutLater(sentAt, () => {
      this.#isValid = false
    })
  }

  override isHeld(): boolean {
    return this.#isValid
  }
}

class HeedsOnlyItsOwnEnds extends RecordMemory {
  override dropMatching(): void {}
}

class UnguardedCache extends CachedStore {
  protected override makeMemory(entries: number): RecordMemory {
    return new UnguardedMemory(entries)
  }
}

class LateDenyingCache extends CachedStore {
  protected override makeMemory(entries: number): RecordMemory {
    return new LateDenial(entries)
  }
}

class CacheOfItsOwnEnds extends CachedStore {
  protected override makeMemory(entries: number): RecordMemory {
    return new HeedsOnlyItsOwnEnds(entries)
  }
}

class CacheByTheAnswer extends CachedStore {
  protected override makeLease(span: number, time: TimeSources): Lease {
    return new LeaseFromTheAnswer(span, time)
  }
}

class CacheByPushOnly extends CachedStore {
  protected override makeLease(span: number, time: TimeSources): Lease {
    return new LeaseForEver(span, time)
  }
}

class CacheRenewedByHints extends CachedStore {
  override hint(): void {
    super.hint()
    this.lease.renew(this.lease.moment())
  }
}

function flaggedCache(store: Store, options: CachedOptions): CachedStore {
  class FlaggedCache extends CachedStore {
    protected override makeLease(span: number, time: TimeSources): Lease {
      return new FlaggedLease(span, time, options.clock?.after)
    }
  }
  return new FlaggedCache(store, options)
}

/** Faults that show when somebody is overtaken. */
export const PLANTED_MEMORIES: readonly PlantedCache[] = [
  {
    fault: 'memory keeps what was read before an end',
    open: (store, options) => new UnguardedCache(store, options),
  },
  {
    fault: 'the node that ends a session learns of it from the log',
    open: (store, options) => new LateDenyingCache(store, options),
  },
  {
    fault: 'who ends all that a filter means keeps whom somebody else has just ended',
    open: (store, options) => new CacheOfItsOwnEnds(store, options),
  },
]

/** Faults that show when time passes and nothing gets through. */
export const PLANTED_LEASES: readonly PlantedCache[] = [
  {
    fault: 'the lease counts from the answer of the log',
    open: (store, options) => new CacheByTheAnswer(store, options),
  },
  {
    fault: 'there is no lease, and what is pushed is believed to be all',
    open: (store, options) => new CacheByPushOnly(store, options),
  },
  {
    fault: 'a hint renews the lease, whatever becomes of the read that it asks for',
    open: (store, options) => new CacheRenewedByHints(store, options),
  },
  { fault: 'the lease is a flag that a timer takes down', open: flaggedCache },
]

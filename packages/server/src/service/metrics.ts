import { Counter, Gauge, Histogram, Registry } from 'prom-client'
import { createHistogram, monitorEventLoopDelay } from 'node:perf_hooks'
import type { RecordableHistogram } from 'node:perf_hooks'
import type { CleanupResult, Store } from 'sojourn'
import type { CachedStore } from 'sojourn/cached'
import type { ObservedCall } from 'sojourn/observed'
import { MeasuredStore } from './measured-store.ts'
import { VERSION } from './version.ts'

/** How long the calls of one operation of the store take, in seconds. */
export interface StoreLatency {
  readonly operation: string
  readonly count: number
  readonly p50: number
  readonly p95: number
  readonly p99: number
}

/** What is known of a request when it has been answered. */
export interface AnsweredRequest {
  readonly method: string
  /** The template of the route, such as `/auth/sessions/:id`; never a path, of which there is no end. */
  readonly route: string
  readonly status: number
  readonly seconds: number
}

/** How often the lateness of the event loop is measured, in milliseconds. */
const RESOLUTION = 10
/** The least time a count of active sessions is good for, in milliseconds. */
const COUNT_KEPT = 15_000
/** And how many times as long as it took: however many there are, counting takes a hundredth of the time at most. */
const COUNT_SHARE = 100
const STORE_BUCKETS = [0.00001, 0.00005, 0.0001, 0.0005, 0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5]
const REQUEST_BUCKETS = [0.0005, 0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5]
const METHODS: ReadonlySet<string> = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'])

/** The figures of the running service, for `/metrics` and the health page. No label has more values than can be counted on a page. */
export class Metrics {
  readonly #registry = new Registry()
  readonly #latencies = new Map<keyof Store, RecordableHistogram>()
  readonly #eventLoop = monitorEventLoopDelay({ resolution: RESOLUTION })
  readonly #storeSeconds = this.#histogram('store_duration_seconds', 'Calls of the store', ['operation'], STORE_BUCKETS)
  readonly #storeFailures = this.#counter('store_failures_total', 'Calls of the store that failed', ['operation'])
  readonly #requests = this.#histogram(
    'http_request_duration_seconds',
    'Requests, from their headers to those of the answer',
    ['method', 'route', 'status'],
    REQUEST_BUCKETS,
  )
  readonly #logins = this.#counter('logins_total', 'Logins with a password, by what came of them', ['outcome'])
  readonly #registrations = this.#counter('registrations_total', 'Registrations, by what came of them', ['outcome'])
  readonly #validations = this.#counter('validations_total', 'Presented tokens, by what came of them', ['outcome'])
  readonly #ended = this.#counter('sessions_ended_total', 'Sessions that this node ended, by why', ['reason'])
  readonly #suspicious = this.#counter('suspicious_requests_total', 'Requests that look like an attack', ['type'])
  readonly #cleanups = this.#counter('cleanup_runs_total', 'Automatic clean-ups on this node', ['outcome'])
  readonly #cleaned = this.#counter('cleanup_sessions_total', 'Sessions that clean-ups ended or deleted', ['deed'])
  readonly #lag = this.#gauge(
    'revocation_lag_seconds',
    'By how much an answer of this node may be behind an end elsewhere; 0 where it reads the store for each',
  )
  readonly #memoryReads = this.#counter('memory_reads_total', 'Reads of a session, by whether memory had the answer', [
    'outcome',
  ])
  readonly #active = this.#gauge('active_sessions', 'Sessions that stand, in the whole installation')
  readonly #lateness = this.#gauge('event_loop_lag_seconds', 'How late the event loop is', ['quantile'])
  readonly #memory = new Gauge({ name: 'process_resident_memory_bytes', help: 'Memory', registers: [this.#registry] })
  readonly #cpu = new Counter({
    name: 'process_cpu_seconds_total',
    help: 'Processor time',
    registers: [this.#registry],
  })
  readonly #recent: CachedStore | null
  #countedUntil = 0

  /** `recent` is the memory in front of the store, if there is one. */
  constructor(recent: CachedStore | null = null) {
    this.#recent = recent
    this.#eventLoop.enable()
    this.#gauge('build_info', 'Which release this is', ['version', 'node']).set(
      { version: VERSION, node: process.versions.node },
      1,
    )
    const started = { name: 'process_start_time_seconds', help: 'When it started, since 1970' }
    new Gauge({ ...started, registers: [this.#registry] }).set(performance.timeOrigin / 1_000)
  }

  /** A store that is measured with every call that memory has not answered. */
  observe(store: Store): Store {
    const on = {
      call: (call: ObservedCall) => this.#noteCall(call),
      ended: (reason: string, count: number) => this.noteEnded(reason, count),
    }
    return new MeasuredStore(store, on, () => this.#recent?.figures().hits ?? 0)
  }

  noteRequest({ method, route, status, seconds }: AnsweredRequest): void {
    this.#requests.observe({ method: METHODS.has(method) ? method : 'other', route, status }, seconds)
  }

  noteLogin(outcome: string): void {
    this.#logins.inc({ outcome })
  }

  noteRegistration(outcome: string): void {
    this.#registrations.inc({ outcome })
  }

  noteValidation(outcome: string): void {
    this.#validations.inc({ outcome })
  }

  noteEnded(reason: string, count: number): void {
    this.#ended.inc({ reason }, count)
  }

  noteSuspicion(type: string): void {
    this.#suspicious.inc({ type })
  }

  noteCleanup(outcome: 'done' | 'failed' | 'elsewhere', { ended, pruned }: CleanupResult): void {
    this.#cleanups.inc({ outcome })
    this.#cleaned.inc({ deed: 'ended' }, ended)
    this.#cleaned.inc({ deed: 'pruned' }, pruned)
  }

  /** Since the start, the operations in the order of their first call. */
  storeLatencies(): readonly StoreLatency[] {
    return [...this.#latencies].map(([operation, histogram]) => ({
      operation,
      count: histogram.count,
      p50: inSeconds(histogram.percentile(50)),
      p95: inSeconds(histogram.percentile(95)),
      p99: inSeconds(histogram.percentile(99)),
    }))
  }

  /** How late the event loop is, in seconds. */
  eventLoop(): { readonly p50: number; readonly p99: number } {
    const late = (percentile: number): number =>
      // What is measured is the time between two looks.
      Math.max(0, inSeconds(this.#eventLoop.percentile(percentile)) - RESOLUTION / 1_000)
    return this.#eventLoop.count === 0 ? { p50: 0, p99: 0 } : { p50: late(50), p99: late(99) }
  }

  /** Everything in the text format of Prometheus. Where sessions cannot be counted, their number is left out. */
  async expose(countActive: () => Promise<number>): Promise<string> {
    await this.#countActive(countActive)
    this.#readMemory()
    const { p50, p99 } = this.eventLoop()
    this.#lateness.set({ quantile: '0.5' }, p50)
    this.#lateness.set({ quantile: '0.99' }, p99)
    this.#memory.set(process.memoryUsage.rss())
    const { user, system } = process.cpuUsage()
    this.#cpu.reset()
    this.#cpu.inc((user + system) / 1_000_000)
    return this.#registry.metrics()
  }

  /** Measures no more. */
  close(): void {
    this.#eventLoop.disable()
  }

  /** Without a lease memory answers nothing, so that nothing is behind. */
  #readMemory(): void {
    const { isLeaseHeld = false, hits = 0, misses = 0 } = this.#recent?.figures() ?? {}
    this.#lag.set(isLeaseHeld ? (this.#recent?.lag() ?? 0) / 1_000 : 0)
    this.#memoryReads.reset()
    if (this.#recent === null) return
    this.#memoryReads.inc({ outcome: 'hit' }, hits)
    this.#memoryReads.inc({ outcome: 'miss' }, misses)
  }

  async #countActive(count: () => Promise<number>): Promise<void> {
    const startedAt = performance.now()
    if (startedAt < this.#countedUntil) return
    this.#countedUntil = Infinity
    try {
      this.#active.set(await count())
    } catch {
      // The store's failure is counted as such; a figure of an hour ago would be worse than none.
      this.#active.remove()
    } finally {
      const took = performance.now() - startedAt
      this.#countedUntil = performance.now() + Math.max(COUNT_KEPT, took * COUNT_SHARE)
    }
  }

  #noteCall({ method: operation, duration, outcome }: ObservedCall): void {
    this.#storeSeconds.observe({ operation }, duration / 1_000)
    this.#latencyOf(operation).record(Math.max(1, Math.round(duration * 1e6)))
    if (outcome !== 'answered') this.#storeFailures.inc({ operation })
  }

  #latencyOf(operation: keyof Store): RecordableHistogram {
    const known = this.#latencies.get(operation)
    if (known !== undefined) return known
    const histogram = createHistogram()
    this.#latencies.set(operation, histogram)
    return histogram
  }

  #counter<Label extends string>(name: string, help: string, labelNames: readonly Label[]): Counter<Label> {
    return new Counter({ name: `sojourn_${name}`, help, labelNames, registers: [this.#registry] })
  }

  #gauge<Label extends string>(name: string, help: string, labelNames: readonly Label[] = []): Gauge<Label> {
    return new Gauge({ name: `sojourn_${name}`, help, labelNames, registers: [this.#registry] })
  }

  #histogram<Label extends string>(
    name: string,
    help: string,
    labelNames: readonly Label[],
    buckets: number[],
  ): Histogram<Label> {
    return new Histogram({ name: `sojourn_${name}`, help, labelNames, buckets, registers: [this.#registry] })
  }
}

function inSeconds(nanoseconds: number): number {
  return nanoseconds / 1e9
}

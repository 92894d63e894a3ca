import type { ReactNode } from 'react'
import { useQuery } from '@tanstack/react-query'
import { request } from '../../api/client.ts'
import { Page } from '../../ui/page.tsx'
import { ErrorState } from '../../ui/states.tsx'
import { Card } from '../overview/card.tsx'
import { CleanupCard } from './cleanup-card.tsx'
import { counted, latency, span } from './measures.ts'
import { promises } from './promises.ts'
import type { Guarantees, Health, StoreLatency } from '../../api/types.ts'

const POLL_EVERY = 15_000

/** Whether the installation keeps what it promises, and how it is doing. */
export function HealthPage() {
  const health = useQuery({
    queryKey: ['health'],
    queryFn: ({ signal }) => request<Health>('/admin/health', { signal }),
    refetchInterval: POLL_EVERY,
  })
  return (
    <Page title="Health">
      {health.error !== null && <ErrorState error={health.error} onRetry={() => void health.refetch()} />}
      {health.data === undefined ? (
        health.error === null && <Outline />
      ) : (
        <Report health={health.data} now={health.dataUpdatedAt} />
      )}
    </Page>
  )
}

function Report({ health, now }: { readonly health: Health; readonly now: number }) {
  const { guarantees, schema, store, eventLoop, connections, version, startedAt, engine } = health
  const warnings =
    schema.pending === 0
      ? guarantees.warnings
      : [...guarantees.warnings, `the schema is ${counted(schema.pending, 'step')} behind; run: sojourn migrate`]
  return (
    <>
      <Verdict warnings={warnings} />
      <div className="grid items-start gap-6 lg:grid-cols-2">
        <Promises guarantees={guarantees} />
        <div className="space-y-6">
          <CleanupCard cleanup={health.cleanup} />
          <Card title="Service">
            <Facts
              facts={{
                Version: version,
                'Running for': span(now - Date.parse(startedAt)),
                Engine: engine,
                Schema: `version ${schema.applied}, ${schema.pending === 0 ? 'up to date' : 'behind'}`,
                'Event loop late by': `${latency(eventLoop.p50)}; 1 in 100 by ${latency(eventLoop.p99)}`,
                'Live viewers': String(connections.streams),
              }}
            />
          </Card>
        </div>
      </div>
      <Latencies store={store} />
    </>
  )
}

/** The answer to "is all well?" before anything else. */
function Verdict({ warnings }: { readonly warnings: readonly string[] }) {
  if (warnings.length === 0) {
    return <p className="rounded-xl bg-tint px-4 py-3 text-on-tint">All is well: every promise below is kept.</p>
  }
  return (
    <section className="rounded-xl border border-danger bg-danger-tint px-4 py-3" aria-labelledby="warnings">
      <h2 id="warnings" className="font-semibold text-danger">
        {counted(warnings.length, 'thing')} to look at
      </h2>
      <ul className="mt-1 list-disc space-y-1 pl-5">
        {warnings.map((warning) => (
          <li key={warning} className="wrap-anywhere">
            {warning}
          </li>
        ))}
      </ul>
    </section>
  )
}

function Promises({ guarantees }: { readonly guarantees: Guarantees }) {
  return (
    <Card title="What is promised" beside="probed at start" isFlush>
      <ul className="divide-y divide-line">
        {promises(guarantees).map(({ name, isKept, means }) => (
          <li key={name} className="flex gap-3 px-4 py-3">
            <Sign isGood={isKept} />
            <div>
              <h3 className="font-medium">
                {name}
                <span className={`ml-2 text-sm font-normal ${isKept ? 'text-soft' : 'text-danger'}`}>
                  {isKept ? 'yes' : 'no'}
                </span>
              </h3>
              <p className="text-sm text-soft">{means}</p>
            </div>
          </li>
        ))}
      </ul>
      <details className="border-t border-line px-4 py-3 text-sm">
        <summary className="w-fit cursor-pointer rounded text-soft hover:text-text">
          The settings that were read from {guarantees.engine}
        </summary>
        <div className="mt-3 font-mono text-xs">
          <Facts
            facts={Object.fromEntries(Object.entries(guarantees.settings).map(([name, is]) => [name, String(is)]))}
          />
        </div>
      </details>
    </Card>
  )
}

function Sign({ isGood }: { readonly isGood: boolean }) {
  return (
    <svg
      viewBox="0 0 20 20"
      className={`mt-0.5 size-5 flex-none ${isGood ? 'text-accent' : 'text-danger'}`}
      fill="none"
      stroke="currentColor"
      strokeWidth="2"
      strokeLinecap="round"
      strokeLinejoin="round"
      aria-hidden="true"
    >
      <circle cx="10" cy="10" r="8" strokeWidth="1.5" />
      <path d={isGood ? 'm6.5 10.5 2.5 2.5 4.5-5.5' : 'M10 6v4.5M10 13.5v.01'} />
    </svg>
  )
}

function Facts({ facts }: { readonly facts: Readonly<Record<string, ReactNode>> }) {
  return (
    <dl className="space-y-2">
      {Object.entries(facts).map(([name, fact]) => (
        <div key={name} className="flex flex-wrap justify-between gap-x-4">
          <dt className="text-soft">{name}</dt>
          <dd className="ml-auto text-right wrap-anywhere tabular-nums">{fact}</dd>
        </div>
      ))}
    </dl>
  )
}

function Latencies({ store }: { readonly store: readonly StoreLatency[] }) {
  return (
    <Card title="How long the store takes" beside="since the service started" isFlush>
      {store.length === 0 ? (
        <p className="p-4 text-soft">Nothing has been measured yet. It will be as soon as somebody signs in.</p>
      ) : (
        <div className="overflow-x-auto" tabIndex={0} role="region" aria-label="How long the store takes, by operation">
          <table className="w-full text-sm whitespace-nowrap tabular-nums">
            <thead className="text-soft">
              <tr>
                <th scope="col" className="py-2 pr-2 pl-4 text-left font-medium">
                  Operation
                </th>
                {['Calls', 'Median', '95 in 100', '99 in 100'].map((name) => (
                  <th key={name} scope="col" className="px-2 py-2 text-right sm:px-4 font-medium">
                    {name}
                  </th>
                ))}
              </tr>
            </thead>
            <tbody>
              {store.map(({ operation, count, p50, p95, p99 }) => (
                <tr key={operation} className="border-t border-line">
                  <th scope="row" className="py-2 pr-2 pl-4 text-left font-mono font-normal">
                    {operation}
                  </th>
                  <td className="px-2 py-2 text-right sm:px-4">{COUNT.format(count)}</td>
                  {[p50, p95, p99].map((seconds, place) => (
                    <td key={place} className="px-2 py-2 text-right sm:px-4">
                      {latency(seconds)}
                    </td>
                  ))}
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </Card>
  )
}

const COUNT = new Intl.NumberFormat('en')

/** Room for what is on its way. */
function Outline() {
  return (
    <div aria-busy="true" className="space-y-6">
      <p className="rounded-xl border border-line bg-surface px-4 py-3 text-soft">Looking…</p>
      <div className="h-96 rounded-xl border border-line bg-surface" />
    </div>
  )
}

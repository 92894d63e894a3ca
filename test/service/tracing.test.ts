import { ROOT_CONTEXT, context, propagation, trace } from '@opentelemetry/api'
import type { Context, Span, SpanStatus, Tracer } from '@opentelemetry/api'
import { AsyncLocalStorage } from 'node:async_hooks'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { openService } from '../support/service.ts'
import type { OpenService } from '../support/service.ts'

/** A span as whoever traces gets to see it. */
interface Seen {
  name: string
  readonly parent: string | undefined
  readonly attributes: Record<string, unknown>
  status: SpanStatus | null
  isEnded: boolean
}

let site: OpenService
let spans: Seen[] = []

beforeAll(async () => {
  trace.setGlobalTracerProvider({ getTracer: () => RECORDER })
  context.setGlobalContextManager(new StoredContext())
  site = await openService()
})
beforeEach(() => {
  spans = []
})
afterAll(async () => {
  await site.close()
  trace.disable()
  context.disable()
  propagation.disable()
})

test('a request is a span by its route, and the calls of the store are spans within it', async () => {
  await fetch(`${site.url}/readyz`)
  const [request, call] = spans
  expect(request).toMatchObject({
    name: 'GET /readyz',
    attributes: { 'http.request.method': 'GET', 'http.route': '/readyz', 'http.response.status_code': 200 },
    status: null,
    isEnded: true,
  })
  expect(call).toMatchObject({ name: 'sojourn.store epoch', parent: 'GET /readyz', status: null, isEnded: true })
})

test('what failed is marked, and no span has a path, an address or a name', async () => {
  site.store.faults = { isRefused: () => true }
  await fetch(`${site.url}/auth/sessions/019ab3c4-5d6e-7f80-9a1b-2c3d4e5f6071?name=grace`, {
    method: 'DELETE',
    headers: {
      'sec-fetch-site': 'same-origin',
      authorization: `Bearer 019ab3c4-5d6e-7f80-9a1b-2c3d4e5f6071.${'A'.repeat(43)}`,
    },
  })
  site.store.faults = {}
  const [request, ...calls] = spans
  expect(request).toMatchObject({ name: 'DELETE /auth/sessions/:id', status: { code: 2 } })
  expect(calls.at(-1)).toMatchObject({ status: { code: 2 }, isEnded: true })
  expect(JSON.stringify(spans)).not.toMatch(/019ab3c4|grace|127\.0\.0\.1|AAAA/)
})

/** Keeps what is traced, as an SDK would. */
const RECORDER: Tracer = {
  startSpan(name, options = {}, parent = context.active()) {
    const above = trace.getSpan(parent)
    const seen: Seen = {
      name,
      get parent() {
        return above instanceof RecordedSpan ? above.seen.name : undefined
      },
      attributes: { ...options.attributes },
      status: null,
      isEnded: false,
    }
    spans.push(seen)
    return new RecordedSpan(seen) as unknown as Span
  },
  startActiveSpan() {
    throw new Error('not used')
  },
}

class RecordedSpan {
  readonly seen: Seen

  constructor(seen: Seen) {
    this.seen = seen
  }

  updateName(name: string): this {
    this.seen.name = name
    return this
  }

  setAttributes(attributes: object): this {
    Object.assign(this.seen.attributes, attributes)
    return this
  }

  setStatus(status: SpanStatus): this {
    this.seen.status = status
    return this
  }

  end(): void {
    this.seen.isEnded = true
  }
}

/** The context that goes along with what a request sets off, as an SDK keeps it. */
class StoredContext {
  readonly #stored = new AsyncLocalStorage<Context>()

  active(): Context {
    return this.#stored.getStore() ?? ROOT_CONTEXT
  }

  with<Args extends unknown[], Task extends (...args: Args) => ReturnType<Task>>(
    current: Context,
    task: Task,
    self?: ThisParameterType<Task>,
    ...args: Args
  ): ReturnType<Task> {
    return this.#stored.run(current, () => task.apply(self, args))
  }

  bind<Target>(_: Context, target: Target): Target {
    return target
  }

  enable(): this {
    return this
  }

  disable(): this {
    return this
  }
}

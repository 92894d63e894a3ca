import type { SessionEvent } from 'sojourn'
import { answer } from 'sojourn/http'
import { csvLine } from './csv.ts'
import { eventViews } from './views.ts'
import type { Names } from './views.ts'

/** Where what is exported comes from. */
export interface ExportParts {
  /** A page of history before a position, newest first; empty at its end. */
  readonly read: (before: number | undefined) => Promise<readonly SessionEvent[]>
  readonly names: Names
  readonly isHead: boolean
}

type View = Awaited<ReturnType<typeof eventViews>>[number]

const COLUMNS = [
  ...(['position', 'at', 'type', 'username', 'userId', 'sessionId'] as const),
  ...(['actor', 'reason', 'ipAddress', 'detail'] as const),
]

/**
 * History as a file, page after page, as fast as it is fetched and no faster. Rejects when the first page cannot be
 * read; where a later one cannot, the download breaks off, which a browser tells its user.
 */
export async function exportedEvents(format: 'csv' | 'json', parts: ExportParts): Promise<Response> {
  const { type, start, page, end } = FORMATS[format]
  const headers = answer(200, null, [
    ['content-type', type],
    ['content-disposition', `attachment; filename="sojourn-events.${format}"`],
  ]).headers
  const first = await parts.read(undefined)
  if (parts.isHead) return new Response(null, { headers })
  const pages = pagesFrom(first, parts)
  const encoder = new TextEncoder()
  let count = 0
  const body = new ReadableStream<Uint8Array>(
    {
      start: (controller) => controller.enqueue(encoder.encode(start)),
      async pull(controller) {
        const { value, done } = await pages.next()
        controller.enqueue(encoder.encode(done === true ? end : page(value, count)))
        if (done === true) controller.close()
        else count += value.length
      },
    },
    { highWaterMark: 0 },
  )
  return new Response(body, { headers })
}

async function* pagesFrom(
  first: readonly SessionEvent[],
  { read, names }: ExportParts,
): AsyncGenerator<readonly View[], void, undefined> {
  for (let events = first; events.length > 0; events = await read(events.at(-1)?.position)) {
    yield await eventViews(events, names)
  }
}

interface Format {
  readonly type: string
  readonly start: string
  /** A page, and how many lines went before it. */
  readonly page: (events: readonly View[], before: number) => string
  readonly end: string
}

const FORMATS: Readonly<Record<'csv' | 'json', Format>> = {
  csv: {
    type: 'text/csv; charset=utf-8',
    start: csvLine(COLUMNS),
    page: (events) => events.map((event) => csvLine(COLUMNS.map((column) => event[column]))).join(''),
    end: '',
  },
  json: {
    type: 'application/json',
    start: '[',
    page: (events, before) =>
      events.map((event, place) => `${before + place === 0 ? '' : ','}\n${JSON.stringify(event)}`).join(''),
    end: '\n]\n',
  },
}

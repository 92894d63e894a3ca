import type { SessionEvent } from 'sojourn'
import type { Output } from './output.ts'
import { visible } from './text.ts'
import type { Column, Row } from './table.ts'

/** The columns of history. */
export const EVENT_COLUMNS: readonly Column[] = [
  { title: 'AT', rank: 1 },
  { title: 'EVENT', rank: 2, least: 13 },
  { title: 'USER', rank: 4, least: 8 },
  { title: 'REASON', rank: 5, least: 8 },
  { title: 'BY', rank: 3, least: 8 },
  { title: 'ADDRESS', rank: 8 },
  { title: 'DETAIL', rank: 7, least: 8 },
  { title: 'SESSION', rank: 6 },
]

/** An event as a row of `EVENT_COLUMNS`. `username` is who it is about, as far as known. */
export function eventRow(output: Output, event: SessionEvent, username: string | null): Row {
  return [
    output.instant(event.at),
    event.type.replaceAll('_', ' '),
    visible(username ?? event.userId ?? '-'),
    event.reason ?? '-',
    visible(event.actor),
    visible(event.ipAddress ?? '-'),
    visible(event.detail ?? '-'),
    event.sessionId ?? '-',
  ]
}

import type { EventRecord, Mark } from '../../core/events.ts'
import { assertInstants } from '../kept-record.ts'
import { pack } from './packing.ts'

/** A mark, or that of a line of history, as scripts read it. Throws where its instant is none. */
export function packMark({ at, actor, reason, ipAddress, detail }: Mark | EventRecord): Buffer {
  assertInstants({ at })
  return pack([at, actor, reason ?? null, ipAddress ?? null, detail ?? null])
}

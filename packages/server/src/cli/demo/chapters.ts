import type { Stage } from './stage.ts'
import type { World } from './world.ts'
import { basicFlow } from './basic-flow.ts'
import { cleanup } from './cleanup.ts'
import { details } from './details.ts'
import { devices } from './devices.ts'
import { endAll } from './end-all.ts'
import { validation } from './validation.ts'

/** A part of the tour that stands by itself. */
export interface Chapter {
  readonly title: string
  readonly play: (stage: Stage, world: World) => Promise<void>
}

/** The tour, in the order that builds up. */
export const CHAPTERS: readonly Chapter[] = [
  { title: 'The basic flow: sign in, validate, sign out', play: basicFlow },
  { title: 'Three devices at once', play: devices },
  { title: 'Good, ended and forged tokens', play: validation },
  { title: 'Cleanup of what nobody uses', play: cleanup },
  { title: 'Ending everything of a user', play: endAll },
  { title: 'Details and history of one session', play: details },
]

import type { Guarantees } from '../../api/types.ts'

/** Something the store promises, or does not, in plain words. */
export interface StorePromise {
  readonly name: string
  readonly isKept: boolean
  /** What follows from it for the people who rely on this installation. */
  readonly means: string
}

/** What the store promises, as it was probed when the service started. */
export function promises(guarantees: Guarantees): readonly StorePromise[] {
  const { survivesProcessKill, survivesPowerLoss, revocationBound } = guarantees
  return [
    {
      name: 'Survives a crash of the program',
      isKept: survivesProcessKill,
      means: survivesProcessKill
        ? 'A login or an end that was confirmed is still there when the service comes back.'
        : 'Sessions are gone when the service stops. Use a database on disk.',
    },
    {
      name: 'Survives a loss of power',
      isKept: survivesPowerLoss,
      means: survivesPowerLoss
        ? 'What was confirmed is on the disk, so that no ended session comes back.'
        : 'What happened in the last moments may be lost with the power: an ended session may stand again.',
    },
    {
      name: 'Ended is ended',
      isKept: true,
      means:
        revocationBound === 0
          ? 'A session that is ended here stops standing at once, in every process.'
          : `A session that is ended here stops standing in every process within ${revocationBound} ms.`,
    },
  ]
}

import { hash } from 'node:crypto'
import { SojournError } from '../core/errors.ts'

/** One step of a schema, forwards and back. Frozen once released. */
export interface MigrationStep {
  /** 1, 2, 3, … without gaps. */
  readonly version: number
  readonly name: string
  readonly up: string
  readonly down: string
}

/** A step as a database remembers it. */
export interface AppliedStep {
  readonly version: number
  readonly name: string
  /** Milliseconds since 1970, UTC. */
  readonly appliedAt: number
  readonly checksum: string
}

/** Where a database stands. */
export interface MigrationStatus {
  /** The steps that were applied, oldest first. */
  readonly applied: readonly AppliedStep[]
  /** The steps that are still to come. */
  readonly pending: readonly Pick<MigrationStep, 'version' | 'name'>[]
}

/** What a migration did. */
export interface MigrationResult {
  /** The steps that this very call applied, or took back, in the order it did. */
  readonly steps: readonly Pick<MigrationStep, 'version' | 'name'>[]
}

/** What is remembered of a step, so that a changed one is noticed. */
export function checksumOf(step: MigrationStep): string {
  return hash('sha256', `${step.version}\n${step.name}\n${step.up}\n${step.down}`, 'hex')
}

/**
 * The steps that a database has not seen. Throws `schema_newer` when it has seen steps that this release does
 * not know, and `schema_changed` when an applied step is not the one this release knows.
 */
export function pendingSteps(
  steps: readonly MigrationStep[],
  applied: readonly AppliedStep[],
  place: string,
): readonly MigrationStep[] {
  for (const { version, name, checksum } of applied) {
    const step = steps.find((known) => known.version === version)
    if (step === undefined) {
      throw new SojournError(
        'schema_newer',
        `${place} was migrated to version ${version} ('${name}') by a newer release and this one knows ` +
          `${steps.length}; use that release`,
      )
    }
    if (checksumOf(step) !== checksum) {
      throw new SojournError(
        'schema_changed',
        `${place} was migrated with another step ${version} ('${name}') than this release has; ` +
          'use the release that made it, or restore a backup',
      )
    }
  }
  return steps.filter(({ version }) => !applied.some((step) => step.version === version))
}

/** Throws `schema_missing` or `schema_outdated` when steps are pending, and says what to run. */
export function assertComplete(status: MigrationStatus, place: string): void {
  const { applied, pending } = status
  if (pending.length === 0) return
  if (applied.length === 0) {
    throw new SojournError('schema_missing', `${place} has no tables of sojourn; run 'sojourn migrate'`)
  }
  throw new SojournError(
    'schema_outdated',
    `${place} is at version ${applied.length} and this release needs ${applied.length + pending.length}; ` +
      "run 'sojourn migrate'",
  )
}

/** 0 done, 1 failed, 2 wrong usage, 3 not valid (token or credentials) or not found (user, id). */
export type ExitCode = 0 | 1 | 2 | 3

/** Why a command could not be done, as one sentence for the person who ran it. */
export class Failure extends Error {
  readonly exitCode: Exclude<ExitCode, 0>
  /** For programs; never changes. */
  readonly code: string
  /** Where one sentence is not enough, each of them. Empty otherwise. */
  readonly details: readonly string[]

  constructor(exitCode: Exclude<ExitCode, 0>, code: string, message: string, details: readonly string[] = []) {
    super(message)
    this.name = 'Failure'
    this.exitCode = exitCode
    this.code = code
    this.details = details
  }
}

/** The command was given something it cannot use. */
export function wrongUsage(message: string): Failure {
  return new Failure(2, 'wrong_usage', message)
}

/** There is no such user or session. */
export function notFound(message: string): Failure {
  return new Failure(3, 'not_found', message)
}

/** It was clear what to do, and it did not work. */
export function failed(code: string, message: string): Failure {
  return new Failure(1, code, message)
}

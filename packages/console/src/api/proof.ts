/**
 * Where requests ask the operator to prove again who they are. However many ask at once, the operator is asked once.
 */
class ProofDesk {
  readonly #listeners = new Set<() => void>()
  #pending: { readonly answer: Promise<boolean>; readonly settle: (isProved: boolean) => void } | null = null

  /** Whether somebody waits for a proof. */
  readonly isAsked = (): boolean => this.#pending !== null

  /** Tells of every change of `isAsked`. Gives back what stops it. */
  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /** True once the operator has proved who they are, false when they would rather not. */
  ask(): Promise<boolean> {
    if (this.#pending !== null) return this.#pending.answer
    const { promise, resolve } = Promise.withResolvers<boolean>()
    this.#pending = { answer: promise, settle: resolve }
    this.#tell()
    return promise
  }

  settle(isProved: boolean): void {
    this.#pending?.settle(isProved)
    this.#pending = null
    this.#tell()
  }

  #tell(): void {
    for (const listener of this.#listeners) listener()
  }
}

export const proofDesk = new ProofDesk()

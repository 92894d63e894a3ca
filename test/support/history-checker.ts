/**
 * Judges what clients have seen of sessions, after the fact. A session is absent, then active, then ended, for ever; a
 * call happens at one instant between being made and being answered; a call whose outcome nobody knows may have happened
 * at any time since, or not at all. Sessions have nothing to do with each other, so each is judged alone.
 */

/** What a client did about one session, and what it was told. */
export interface Operation {
  readonly session: string
  readonly kind: 'create' | 'end' | 'validate'
  /** The node that was asked. */
  readonly node: string
  readonly calledAt: number
  /** `Infinity` if there was no answer. All instants are from one clock. */
  readonly returnedAt: number
  /** `yes`: created, ended, let in. `no`: turned away. `unknown`: it may have happened or not, now or later. */
  readonly outcome: 'yes' | 'no' | 'unknown'
}

/** A promise that was broken, or one of which it could not be found out. */
export interface Violation {
  readonly session: string
  readonly fault: string
}

/** Steps of a search after which a history counts as undecided, which is a failure. */
const STEPS_AT_MOST = 2_000_000

/**
 * Strict mode: there must be an order in which every call happened within its time and every answer was true at
 * its place. Answers with the sessions for which there is none.
 */
export function strictViolations(history: readonly Operation[]): readonly Violation[] {
  const violations: Violation[] = []
  for (const [session, operations] of Map.groupBy(history, (each) => each.session)) {
    const verdict = linearize(operations)
    if (verdict !== 'linearizable') violations.push({ session, fault: verdict })
  }
  return violations
}

/**
 * Cached mode: an end that was acknowledged, or that any node has told of, holds everywhere after `bound`
 * milliseconds, and at the node that told of it at once; nobody is turned away whom nobody ended.
 */
export function cachedViolations(history: readonly Operation[], bound: number): readonly Violation[] {
  const violations: Violation[] = []
  for (const [session, operations] of Map.groupBy(history, (each) => each.session)) {
    for (const fault of cachedFaults(operations, bound)) violations.push({ session, fault })
  }
  return violations
}

/** By how much at most somebody was let in after an end was known, in the milliseconds of the history. */
export function worstStaleness(history: readonly Operation[]): number {
  let worst = 0
  for (const operations of Map.groupBy(history, (each) => each.session).values()) {
    const knownAt = Math.min(...operations.filter(isProofOfEnd).map(({ returnedAt }) => returnedAt))
    for (const accept of operations.filter(isAccept)) worst = Math.max(worst, accept.calledAt - knownAt)
  }
  return worst
}

type Verdict = 'linearizable' | 'not linearizable' | 'undecided'
type State = 'absent' | 'active' | 'ended'

/** Whether the calls on one session can be put in an order. */
export function linearize(history: readonly Operation[], stepsAtMost = STEPS_AT_MOST): Verdict {
  const [maybe, known] = parted(history.toSorted((a, b) => a.calledAt - b.calledAt))
  const seen = new Set<string>()
  const pending: Place[] = [{ state: 'absent', first: 0, beyond: [] }]
  for (let steps = 0; ; steps += 1) {
    const place = pending.pop()
    if (place === undefined) return 'not linearizable'
    if (steps === stepsAtMost) return 'undecided'
    if (place.first === known.length) return 'linearizable'
    for (const next of nextPlaces(place, known, maybe)) {
      const key = `${next.state} ${next.first} ${next.beyond.join(' ')}`
      if (seen.has(key)) continue
      seen.add(key)
      pending.push(next)
    }
  }
}

/**
 * How far a search has come: all before `first` has happened, and of what comes after it only `beyond`. Which of those that may
 * have happened did need not be known: no session is created twice or ends twice, so each can change the state but once.
 */
interface Place {
  readonly state: State
  readonly first: number
  /** In ascending order. */
  readonly beyond: readonly number[]
}

/** What may have happened or not, and what has. A validation that could not tell says nothing. */
function parted(history: readonly Operation[]): [maybe: readonly Operation[], known: readonly Operation[]] {
  const isUnknown = ({ outcome }: Operation): boolean => outcome === 'unknown'
  return [
    history.filter((each) => isUnknown(each) && each.kind !== 'validate'),
    history.filter((each) => !isUnknown(each)),
  ]
}

/**
 * Everything that can happen next: what was called before any other of those left had returned, and is true now. What can
 * change nothing any more may as well happen first, so where there is such a call nothing else is tried.
 */
function* nextPlaces(place: Place, known: readonly Operation[], maybe: readonly Operation[]): Iterable<Place> {
  const { state, first, beyond } = place
  let deadline = Infinity
  const callable: number[] = []
  for (let index = first; index < known.length && known[index]!.calledAt <= deadline; index += 1) {
    if (beyond.includes(index)) continue
    callable.push(index)
    deadline = Math.min(deadline, known[index]!.returnedAt)
  }
  const harmless = callable.find(
    (index) => neverChanges(known[index]!, state) && stateAfter(known[index]!, state) !== null,
  )
  for (const index of harmless === undefined ? callable : [harmless]) {
    const after = stateAfter(known[index]!, state)
    if (after !== null) yield { state: after, ...advanced(first, beyond, index) }
  }
  if (harmless !== undefined) return
  for (const operation of maybe) {
    const after = operation.calledAt > deadline ? null : stateAfter(operation, state)
    if (after !== null && after !== state) yield { ...place, state: after }
  }
}

function advanced(first: number, beyond: readonly number[], index: number): Pick<Place, 'first' | 'beyond'> {
  const happened = [...beyond, index].toSorted((a, b) => a - b)
  let next = first
  while (happened[0] === next) {
    happened.shift()
    next += 1
  }
  return { first: next, beyond: happened }
}

/** Null when the answer would not be true in this state. */
function stateAfter({ kind, outcome }: Operation, state: State): State | null {
  if (kind === 'create') return state === 'absent' ? 'active' : null
  if (kind === 'end') return state === 'active' ? 'ended' : state
  return (state === 'active') === (outcome === 'yes') ? state : null
}

/** Whether a call changes nothing from here on, whenever it happens. */
function neverChanges({ kind }: Operation, state: State): boolean {
  return kind === 'validate' || (kind === 'end' && state === 'ended')
}

function* cachedFaults(operations: readonly Operation[], bound: number): Iterable<string> {
  const proofs = operations.filter(isProofOfEnd)
  const created = operations.find(({ kind }) => kind === 'create')
  for (const accept of operations.filter(isAccept)) {
    if (created === undefined || accept.returnedAt < created.calledAt) yield 'let in before it was created'
    for (const proof of proofs) {
      const staleness = accept.calledAt - proof.returnedAt
      if (staleness > bound) yield `let in ${staleness.toFixed(1)} ms after ${nameOf(proof)} by ${proof.node}`
      else if (staleness > 0 && accept.node === proof.node) yield `let in after ${nameOf(proof)} by the same node`
    }
  }
  for (const refusal of operations.filter(isRefusal)) {
    const mayHaveEnded = operations.some(({ kind, calledAt }) => kind === 'end' && calledAt <= refusal.returnedAt)
    if (!mayHaveEnded) yield 'turned away though nobody had ended it'
  }
}

function nameOf({ kind }: Operation): string {
  return kind === 'end' ? 'its end was acknowledged' : 'it was turned away'
}

function isAccept({ kind, outcome }: Operation): boolean {
  return kind === 'validate' && outcome === 'yes'
}

function isRefusal({ kind, outcome }: Operation): boolean {
  return kind === 'validate' && outcome === 'no'
}

function isProofOfEnd(operation: Operation): boolean {
  return (operation.kind === 'end' && operation.outcome === 'yes') || isRefusal(operation)
}

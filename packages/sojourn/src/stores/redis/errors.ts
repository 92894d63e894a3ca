import { SojournError, isSojournError } from '../../core/errors.ts'
import type { ErrorCode } from '../../core/errors.ts'

/** What the first word of an error of the engine means to a caller. */
const MEANINGS: Readonly<Record<string, readonly [code: ErrorCode, says: string]>> = {
  OOM: ['store_full', 'has reached its maxmemory; give it more, ending sessions still works'],
  MISCONF: ['store_unavailable', 'cannot write to its disk and takes no writes; make room or mend the disk'],
  READONLY: ['store_unavailable', 'is a replica and may be behind; connect to the primary'],
  MASTERDOWN: ['store_unavailable', 'is a replica that has lost its primary'],
  LOADING: ['store_unavailable', 'is still loading its data; try again'],
  BUSY: ['store_unavailable', 'is busy with a script of somebody else; try again'],
  CLUSTERDOWN: ['store_unavailable', 'has parts that no server holds; bring the cluster back'],
  TRYAGAIN: ['store_unavailable', 'is moving keys to another server of the cluster; try again when it has done so'],
  NOREPLICAS: ['store_unavailable', 'has fewer replicas than min-replicas-to-write asks for'],
  INDEX: ['store_unavailable', 'loses the indexes of our sessions again and again; see to it that nobody deletes them'],
  MOVED: ['store_unavailable', 'is a cluster; give the client of createCluster'],
  CROSSSLOT: ['store_unavailable', 'is a cluster; give the client of createCluster'],
  NOAUTH: ['store_unavailable', 'asks for a password; give one to the client'],
  WRONGPASS: ['store_unavailable', 'refused the password of the client'],
  NOPERM: [
    'store_unavailable',
    'does not let this account do what sessions need; docs/OPERATING.md has the rights to give it',
  ],
  WRONGTYPE: ['store_corrupt', 'holds something else under a key of ours; give the sessions a prefix of their own'],
}

/** What a script hears that finds a key on its way to another server: of Redis until 7.0, and of later ones and of Valkey. */
const IS_MOVING = /non local key|rehashing of the slot/

/** What a failed call means: one sentence, and the error it came from as its cause. Ours are handed back as they are. */
export function meaningOf(thrown: unknown): SojournError {
  if (isSojournError(thrown)) return thrown
  const detail = thrown instanceof Error ? thrown.message : String(thrown)
  const [code, says] =
    MEANINGS[IS_MOVING.test(detail) ? 'TRYAGAIN' : firstWord(detail)] ??
    (isSpoilt(thrown, detail)
      ? (['store_corrupt', 'holds something under a key of ours that is no session'] as const)
      : (['store_unavailable', 'did not answer; nothing is known'] as const))
  return new SojournError(code, `the redis server ${says} (${detail.slice(0, 200)})`, { cause: thrown })
}

/** Whether the engine does not remember a script. */
export function isUnknownScript(thrown: unknown): boolean {
  return thrown instanceof Error && firstWord(thrown.message) === 'NOSCRIPT'
}

/** Whether a script found that an index was lost. */
export function isLostIndex(thrown: unknown): boolean {
  return thrown instanceof Error && firstWord(thrown.message) === 'INDEX'
}

/** A value that is not what we write: a script stumbles over it, or the unpacking does. */
function isSpoilt(thrown: unknown, detail: string): boolean {
  return thrown instanceof RangeError || thrown instanceof SyntaxError || /user_script|Bad data format/.test(detail)
}

function firstWord(message: string): string {
  return /^[A-Z]+\b/.exec(message)?.[0] ?? ''
}

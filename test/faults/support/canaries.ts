import { readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { inspect } from 'node:util'

/** Pieces shorter than this may stand anywhere by chance. */
const LEAST_BYTES = 12

/** A secret that must turn up nowhere, and what to call it in a report. */
interface Canary {
  readonly name: string
  readonly spellings: ReadonlyMap<string, Buffer>
}

/** A place where a secret was found. Does not hold the secret. */
export interface Hit {
  readonly place: string
  readonly secret: string
  readonly spellings: readonly string[]
}

/** Keeps secrets, and looks for them in everything that a system leaves behind or tells. */
export class Canaries {
  readonly #secrets: Canary[] = []
  readonly #hits: Hit[] = []
  #places = 0

  /** Where something was found so far. */
  get hits(): readonly Hit[] {
    return this.#hits
  }

  /** How many files and texts were looked through. */
  get places(): number {
    return this.#places
  }

  /** How many secrets are looked for. */
  get count(): number {
    return this.#secrets.length
  }

  /** From now on this text is a secret; answers with it. */
  keep<T extends string>(name: string, secret: T): T {
    this.#secrets.push({ name, spellings: spellingsOf(secret) })
    return secret
  }

  /** From now on the secret half of this token is a secret; answers with the token. */
  keepToken<T extends string>(name: string, token: T): T {
    this.keep(name, token.slice(token.indexOf('.') + 1))
    return token
  }

  /** Looks through bytes. `but`: the name of a secret that may stand there. */
  look(place: string, bytes: Uint8Array, but?: string): void {
    this.#places += 1
    const haystack = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    for (const { name, spellings } of this.#secrets) {
      if (name === but) continue
      const found = [...spellings].filter(([, needle]) => haystack.includes(needle)).map(([spelling]) => spelling)
      if (found.length > 0) this.#hits.push({ place, secret: name, spellings: found })
    }
  }

  /** Looks through every file of a folder. */
  lookAtFiles(folder: string, moment: string): void {
    for (const file of readdirSync(folder, { recursive: true, withFileTypes: true })) {
      if (file.isFile()) this.look(`${moment}: ${file.name}`, readFileSync(join(file.parentPath, file.name)))
    }
  }

  /** Looks at a value as anyone would print it, and answers with it. */
  lookAt<T>(place: string, value: T): T {
    const isError = value instanceof Error
    this.look(
      place,
      Buffer.from([inspected(value), jsonOf(value), String(value), isError ? value.stack : ''].join('\n')),
    )
    return value
  }

  /** Looks at what a call answers with, or fails with; answers with either. */
  async lookAtOutcome(place: string, call: () => unknown): Promise<unknown> {
    try {
      return this.lookAt(place, await call())
    } catch (error) {
      return this.lookAt(`${place}, failure`, error)
    }
  }
}

/** The ways in which a secret may be written: as it is, coded, escaped, reversed, cut. */
export function spellingsOf(secret: string): ReadonlyMap<string, Buffer> {
  const spellings = new Map<string, Buffer>()
  const add = (name: string, bytes: Uint8Array | string): void => {
    const found = Buffer.from(bytes)
    if (found.length >= LEAST_BYTES && ![...spellings.values()].some((known) => found.equals(known))) {
      spellings.set(name, found)
    }
  }
  add('plain', secret)
  add('its first letters', secret.slice(0, 16))
  add('its last letters', secret.slice(-16))
  add('normalised', secret.normalize('NFKC'))
  add('UTF-16', Buffer.from(secret, 'utf16le'))
  add('in JSON', JSON.stringify(secret).slice(1, -1))
  add('in a URL', encodeURIComponent(secret))
  addCoded(add, '', Buffer.from(secret))
  if (/^[\w-]{43}$/.test(secret)) {
    add('decoded', Buffer.from(secret, 'base64url'))
    addCoded(add, 'decoded, then ', Buffer.from(secret, 'base64url'))
  }
  return spellings
}

function addCoded(add: (name: string, bytes: Uint8Array | string) => void, prefix: string, bytes: Buffer): void {
  const hex = bytes.toString('hex')
  add(`${prefix}reversed`, Buffer.from(bytes.toReversed()))
  add(`${prefix}hex`, hex)
  add(`${prefix}HEX`, hex.toUpperCase())
  add(`${prefix}percent-coded`, hex.toUpperCase().replaceAll(/../g, '%$&'))
  // Where in a longer text the secret began decides how its letters fall; what depends on the neighbours is cut off.
  for (const [offset, cut] of [0, 2, 3].entries()) {
    const text = Buffer.concat([Buffer.alloc(offset), bytes])
    add(
      `${prefix}base64 at ${offset}`,
      text
        .toString('base64')
        .slice(cut)
        .replace(/.={1,2}$/, ''),
    )
    add(`${prefix}base64url at ${offset}`, text.toString('base64url').slice(cut, -1))
  }
}

function inspected(value: unknown): string {
  return inspect(value, { depth: 20, showHidden: true, maxArrayLength: null, maxStringLength: null })
}

function jsonOf(value: unknown): string {
  try {
    return JSON.stringify(value) ?? ''
  } catch {
    return ''
  }
}

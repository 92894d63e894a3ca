import type { Random } from './random.ts'

/** A session whose token was issued, and what an attacker may have got hold of besides. */
export interface Target {
  readonly token: string
  /** What the store keeps of its secret. */
  readonly secretHash: Uint8Array
}

const BASE64URL = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
const HEX = '0123456789abcdef'
/** What parsers trip over: other alphabets, white space, controls, separators, half characters, look-alikes. */
const AWKWARD = ['=', '+', '/', '.', ' ', '\t', '\n', '\r', '\0', '%', '"', "'", ';', ',', '\\', '\u00a0', '\u200b', '\u2028', '\ufeff', '\uff21', 'а', 'é', 'e\u0301', '\ud800', '\udc00', '💥'] // prettier-ignore
const ID_LENGTH = 36

type Mutation = (random: Random, target: Target, other: Target) => string

/** Changes that nearly always leave something no client can hold. */
const BREAKING: readonly Mutation[] = [
  (random, { token }) => replaced(token, place(random, token), random.pick(AWKWARD)),
  (random, { token }) => inserted(token, place(random, token), random.pick(AWKWARD)),
  (random, { token }) => inserted(token, place(random, token), random.pick([...BASE64URL])),
  (random, { token }) => replaced(token, place(random, token), ''),
  (random, { token }) => token.slice(0, random.integer(token.length)),
  (random, { token }) => token.slice(1 + random.integer(token.length)),
  (random, { token }) => replaced(token, place(random, token), String.fromCharCode(random.integer(65_536))),
  (random, { token }) => random.pick([token.toUpperCase(), token.toLowerCase(), swappedCase(token, random)]),
  (_, { token }) => token.split('.').reverse().join('.'),
  (_, { token }, other) => token + other.token,
  (random, { token }) => random.pick([' ', '\n', 'Bearer ', '"', '\ufeff']) + token,
  (random, { token }) => token + random.pick([' ', '\n', '\r\n', '\0', '=', '==', '.', ';']),
  (random, { token }) => random.pick([encodeURIComponent(token).replace('.', '%2E'), `${token}%00`]),
  (random, { token }) => Buffer.from(token).toString(random.pick(['base64', 'base64url', 'hex'])),
  (_, { token }) => token.slice(0, -1) + neighbour(token.at(-1)!),
  (random, { token }) => token.slice(0, 14) + random.pick([...HEX]) + token.slice(15),
  (random, { token }) => token.slice(0, 19) + random.pick([...HEX]) + token.slice(20),
  (_, { token }) => token.slice(0, ID_LENGTH),
  (_, { token }) => token.replaceAll('-', ''),
  (_, { token, secretHash }) => `${token.slice(0, ID_LENGTH)}.${Buffer.from(secretHash).toString('hex')}`,
  (random) => text(random, random.integer(200), BASE64URL),
  (random) => String.fromCharCode(...Array.from({ length: random.integer(100) }, () => random.integer(65_536))),
  (random) => random.pick(['', '.', 'null', 'undefined', 'true', '[object Object]', '{}', '[]', '__proto__', '0', '-1', 'NaN']), // prettier-ignore
]

/** Changes that leave the form: as good as what a client holds, and wrong. */
const KEEPING: readonly Mutation[] = [
  (random, { token }) => replaced(token, ID_LENGTH + 1 + random.integer(42), random.pick([...BASE64URL])),
  (random, { token }) => replaced(token, random.integer(8), random.pick([...HEX])),
  (random, { token }) => token.slice(0, -1) + random.pick([...'AEIMQUYcgkosw048']),
  (_, { token }, other) => token.slice(0, ID_LENGTH + 1) + other.token.slice(ID_LENGTH + 1),
  (random, { token }) => `${token.slice(0, ID_LENGTH)}.${secret(random)}`,
  (random, { token }) => `${id(random)}.${token.slice(ID_LENGTH + 1)}`,
  (random) => `${id(random)}.${secret(random)}`,
  (random) => secret(random),
  (_, { token }) => token.slice(ID_LENGTH + 1),
  (_, { token, secretHash }) => `${token.slice(0, ID_LENGTH)}.${Buffer.from(secretHash).toString('base64url')}`,
  (_, { secretHash }) => Buffer.from(secretHash).toString('base64url'),
]

/** Something near an issued token, or near nothing. May by chance be an issued token. */
export function mutant(random: Random, targets: readonly Target[]): string {
  const mutation = random.pick(random.chance(0.3) ? KEEPING : BREAKING)
  const presented = mutation(random, random.pick(targets), random.pick(targets))
  if (!random.chance(0.1)) return presented
  return mutation(random, { token: presented, secretHash: random.bytes(32) }, random.pick(targets))
}

/** The form of a token, told in other words than the library's own. */
export function hasTokenForm(presented: string): boolean {
  const [id, secret, ...rest] = presented.includes('.') ? presented.split('.') : ['', presented]
  if (id === undefined || secret === undefined || rest.length > 0) return false
  return (presented.includes('.') ? isUuid(id) : true) && isCanonical(secret)
}

function isUuid(id: string): boolean {
  const bytes = Buffer.from(id.replaceAll('-', ''), 'hex')
  const hex = bytes.toString('hex')
  const dashed = [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-')
  return bytes.length === 16 && dashed === id && [7, 8].includes(bytes[6]! >> 4) && bytes[8]! >> 6 === 2
}

function isCanonical(secret: string): boolean {
  const bytes = Buffer.from(secret, 'base64url')
  return bytes.length === 32 && bytes.toString('base64url') === secret
}

function place(random: Random, token: string): number {
  return random.integer(Math.max(1, token.length))
}

function replaced(token: string, place: number, by: string): string {
  return token.slice(0, place) + by + token.slice(place + 1)
}

function inserted(token: string, place: number, what: string): string {
  return token.slice(0, place) + what + token.slice(place)
}

/** The last character changed in the bits that a decoder throws away: the same bytes, another spelling. */
function neighbour(character: string): string {
  const value = BASE64URL.indexOf(character)
  return value === -1 ? '=' : BASE64URL[value ^ 1]!
}

function swappedCase(token: string, random: Random): string {
  return [...token].map((each) => (random.chance(0.5) ? each.toUpperCase() : each)).join('')
}

function text(random: Random, length: number, alphabet: string): string {
  return Array.from({ length }, () => alphabet[random.integer(alphabet.length)]).join('')
}

function secret(random: Random): string {
  return Buffer.from(random.bytes(32)).toString('base64url')
}

function id(random: Random): string {
  const hex = Buffer.from(random.bytes(16)).toString('hex')
  const variant = random.pick([...'89ab'])
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${random.pick(['7', '8'])}${hex.slice(13, 16)}-${variant}${hex.slice(17, 20)}-${hex.slice(20)}`
}

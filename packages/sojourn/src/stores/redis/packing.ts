/** What can be packed: a value, or a list of them. */
export type Packable = string | number | boolean | null | Uint8Array | readonly Packable[]

/*
 * The part of MessagePack that Redis' own `cmsgpack` and this store write to each other: lists, text, bytes, whole
 * numbers, and true and false. A list in Lua cannot hold nothing, so null travels as false.
 */
const FALSE = 0xc2
const TRUE = 0xc3
const UINT8 = 0xcc
const UINT16 = 0xcd
const UINT32 = 0xce
const UINT64 = 0xcf
const INT8 = 0xd0
const INT16 = 0xd1
const INT32 = 0xd2
const INT64 = 0xd3
const TEXT8 = 0xd9
const TEXT16 = 0xda
const TEXT32 = 0xdb
const LIST16 = 0xdc
const LIST32 = 0xdd
const NOTHING = Buffer.alloc(0)
/** 2 to the power of 32, by which the upper half of a long number counts. */
const HALF = 4_294_967_296

/** A value as bytes that a script unpacks. */
export function pack(value: Packable): Buffer {
  const parts: Buffer[] = []
  write(value, parts)
  return Buffer.concat(parts)
}

function write(value: Packable, parts: Buffer[]): void {
  if (value === null || value === false) parts.push(Buffer.of(FALSE))
  else if (value === true) parts.push(Buffer.of(TRUE))
  else if (typeof value === 'number') parts.push(packNumber(value))
  else if (typeof value === 'string') writeBytes(Buffer.from(value), parts)
  else if (value instanceof Uint8Array) writeBytes(value, parts)
  else {
    parts.push(head(value.length, 0x90, 16, [null, LIST16, LIST32]))
    for (const each of value) write(each, parts)
  }
}

function writeBytes(bytes: Uint8Array, parts: Buffer[]): void {
  parts.push(head(bytes.length, 0xa0, 32, [TEXT8, TEXT16, TEXT32]), Buffer.from(bytes))
}

/** How long what follows is: in the first byte itself, or in one, two or four bytes after it. */
function head(
  length: number,
  short: number,
  shortUntil: number,
  [in8, in16, in32]: readonly [number | null, number, number],
): Buffer {
  if (length < shortUntil) return Buffer.of(short | length)
  if (in8 !== null && length <= 0xff) return Buffer.of(in8, length)
  if (length <= 0xff_ff) return Buffer.of(in16, length >> 8, length & 0xff)
  const bytes = Buffer.of(in32, 0, 0, 0, 0)
  bytes.writeUInt32BE(length, 1)
  return bytes
}

function packNumber(value: number): Buffer {
  if (value >= 0 && value <= 0x7f) return Buffer.of(value)
  const bytes = Buffer.of(value < 0 ? INT64 : UINT64, 0, 0, 0, 0, 0, 0, 0, 0)
  if (value < 0) bytes.writeBigInt64BE(BigInt(value), 1)
  else bytes.writeBigUInt64BE(BigInt(value), 1)
  return bytes
}

/** Reads the values of one packed list, one after the other. Throws a `RangeError` where the bytes are something else. */
export class Unpacker {
  readonly #bytes: Buffer
  #at = 0

  constructor(bytes: Buffer, length: number) {
    this.#bytes = bytes
    const found = this.#length(0x90, 0x0f, null, LIST16)
    if (found !== length) throw new RangeError(`a list of ${found} where one of ${length} was expected`)
  }

  text(): string {
    const { start, end } = this.#span()
    return this.#bytes.toString('utf8', start, end)
  }

  textOrNull(): string | null {
    return this.#isNothing() ? null : this.text()
  }

  /** A copy: a slice would keep the whole answer of the engine in memory. */
  bytes(): Buffer {
    const { start, end } = this.#span()
    return start === end ? NOTHING : Buffer.from(this.#bytes.subarray(start, end))
  }

  bytesOrNull(): Buffer | null {
    return this.#isNothing() ? null : this.bytes()
  }

  number(): number {
    const bytes = this.#bytes
    const kind = bytes.readUInt8(this.#at)
    const start = this.#at + 1
    if (kind <= 0x7f) return this.#take(0, kind)
    if (kind >= 0xe0) return this.#take(0, kind - 0x1_00)
    switch (kind) {
      case UINT8:
        return this.#take(1, bytes.readUInt8(start))
      case UINT16:
        return this.#take(2, bytes.readUInt16BE(start))
      case UINT32:
        return this.#take(4, bytes.readUInt32BE(start))
      case UINT64:
        return this.#take(8, bytes.readUInt32BE(start) * HALF + bytes.readUInt32BE(start + 4))
      case INT8:
        return this.#take(1, bytes.readInt8(start))
      case INT16:
        return this.#take(2, bytes.readInt16BE(start))
      case INT32:
        return this.#take(4, bytes.readInt32BE(start))
      case INT64:
        return this.#take(8, bytes.readInt32BE(start) * HALF + bytes.readUInt32BE(start + 4))
      default:
        throw new RangeError(`byte ${kind} where a number was expected`)
    }
  }

  numberOrNull(): number | null {
    return this.#isNothing() ? null : this.number()
  }

  #take(size: number, value: number): number {
    this.#at += 1 + size
    return value
  }

  #isNothing(): boolean {
    if (this.#bytes[this.#at] !== FALSE) return false
    this.#at += 1
    return true
  }

  #span(): { readonly start: number; readonly end: number } {
    const length = this.#length(0xa0, 0x1f, TEXT8, TEXT16)
    const start = this.#at
    this.#at += length
    if (this.#at > this.#bytes.length) throw new RangeError('the bytes end too early')
    return { start, end: this.#at }
  }

  #length(short: number, mask: number, in8: number | null, in16: number): number {
    const kind = this.#bytes.readUInt8(this.#at)
    const start = this.#at + 1
    if ((kind & ~mask) === short) return this.#take(0, kind & mask)
    if (kind === in8) return this.#take(1, this.#bytes.readUInt8(start))
    if (kind === in16) return this.#take(2, this.#bytes.readUInt16BE(start))
    throw new RangeError(`byte ${kind} where text or a list was expected`)
  }
}

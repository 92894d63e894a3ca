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
/** Enough for most sessions, in bytes. */
const ROOM = 512
/** 2 to the power of 32, by which the upper half of a long number counts. */
const HALF = 4_294_967_296

/** A value as bytes that a script unpacks. */
export function pack(value: Packable): Buffer {
  const packer = new Packer()
  packer.write(value)
  return packer.packed()
}

/** Writes values one after the other into room that grows as it must. */
class Packer {
  #bytes = Buffer.allocUnsafe(ROOM)
  #at = 0

  packed(): Buffer {
    return this.#bytes.subarray(0, this.#at)
  }

  write(value: Packable): void {
    if (value === null || value === false) this.#byte(FALSE)
    else if (value === true) this.#byte(TRUE)
    else if (typeof value === 'number') this.#number(value)
    else if (typeof value === 'string') this.#text(value)
    else if (value instanceof Uint8Array) this.#text(value)
    else {
      this.#head(value.length, 0x90, 16, [null, LIST16, LIST32])
      for (const each of value) this.write(each)
    }
  }

  #text(value: string | Uint8Array): void {
    const length = typeof value === 'string' ? Buffer.byteLength(value) : value.length
    this.#head(length, 0xa0, 32, [TEXT8, TEXT16, TEXT32])
    this.#makeRoom(length)
    if (typeof value === 'string') this.#bytes.write(value, this.#at)
    else this.#bytes.set(value, this.#at)
    this.#at += length
  }

  /** How long what follows is: in the first byte itself, or in one, two or four bytes after it. */
  #head(
    length: number,
    short: number,
    shortUntil: number,
    [in8, in16, in32]: readonly [number | null, number, number],
  ): void {
    if (length < shortUntil) return this.#byte(short | length)
    if (in8 !== null && length <= 0xff) {
      this.#byte(in8)
      return this.#byte(length)
    }
    const isShort = length <= 0xff_ff
    this.#byte(isShort ? in16 : in32)
    this.#makeRoom(4)
    this.#at = isShort ? this.#bytes.writeUInt16BE(length, this.#at) : this.#bytes.writeUInt32BE(length, this.#at)
  }

  #number(value: number): void {
    if (value >= 0 && value <= 0x7f) return this.#byte(value)
    this.#byte(value < 0 ? INT64 : UINT64)
    this.#makeRoom(8)
    // Both halves as they are in two's complement, which is what a negative number is packed as.
    this.#at = this.#bytes.writeInt32BE(Math.floor(value / HALF) | 0, this.#at)
    this.#at = this.#bytes.writeUInt32BE(value - Math.floor(value / HALF) * HALF, this.#at)
  }

  #byte(byte: number): void {
    this.#makeRoom(1)
    this.#bytes[this.#at] = byte
    this.#at += 1
  }

  #makeRoom(length: number): void {
    if (this.#at + length <= this.#bytes.length) return
    const larger = Buffer.allocUnsafe(Math.max(2 * this.#bytes.length, this.#at + length))
    larger.set(this.#bytes.subarray(0, this.#at))
    this.#bytes = larger
  }
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
  bytes(): Uint8Array {
    const { start, end } = this.#span()
    if (start === end) return NOTHING
    // So few bytes are copied sooner one by one than by a call out of JavaScript.
    const copy = new Uint8Array(end - start)
    for (let place = start; place < end; place += 1) copy[place - start] = this.#bytes[place]!
    return copy
  }

  bytesOrNull(): Uint8Array | null {
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

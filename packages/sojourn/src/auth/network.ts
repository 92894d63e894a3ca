import { isIPv4, isIPv6 } from 'node:net'

/** A client's address and the network around it, each in one spelling. */
export interface Origin {
  /** An IPv4 address, or the /64 that one IPv6 customer has to themselves. */
  readonly address: string
  /** The IPv4 /24 or the IPv6 /48 around it. */
  readonly network: string
}

/** Where a client comes from, however its address is spelled, or null when that cannot be told. */
export function originOf(ip: string | null | undefined): Origin | null {
  if (typeof ip !== 'string') return null
  if (isIPv4(ip)) return origin(ipv4Bytes(ip))
  return isIPv6(ip) ? origin(unmapped(ipv6Bytes(ip))) : null
}

function origin(bytes: readonly number[]): Origin {
  const [ofAddress, ofNetwork] = bytes.length === 4 ? [4, 3] : [8, 6]
  return { address: hex(bytes.slice(0, ofAddress)), network: hex(bytes.slice(0, ofNetwork)) }
}

function ipv4Bytes(ip: string): number[] {
  return ip.split('.').map(Number)
}

/** The 16 bytes of an address that `node:net` has found well formed. The zone says which interface of ours it came in by. */
function ipv6Bytes(ip: string): number[] {
  const [address] = ip.split('%') as [string]
  const [head, tail] = address.split('::') as [string, string | undefined]
  const before = groups(head)
  const after = groups(tail ?? '')
  return [...before, ...Array<number>(16 - before.length - after.length).fill(0), ...after]
}

function groups(part: string): number[] {
  if (part === '') return []
  return part.split(':').flatMap((group) => {
    if (group.includes('.')) return ipv4Bytes(group)
    const value = Number.parseInt(group, 16)
    return [value >> 8, value & 0xff]
  })
}

/** An IPv4 client of a socket that speaks both is the same client (RFC 4291, section 2.5.5.2). */
function unmapped(bytes: readonly number[]): readonly number[] {
  const isMapped = bytes.slice(0, 10).every((byte) => byte === 0) && bytes[10] === 0xff && bytes[11] === 0xff
  return isMapped ? bytes.slice(12) : bytes
}

function hex(bytes: readonly number[]): string {
  return Buffer.from(bytes).toString('hex')
}

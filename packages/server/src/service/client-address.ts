import { createMiddleware } from 'hono/factory'
import { BlockList, isIP } from 'node:net'
import type { Env } from './env.ts'

/**
 * The proxies whose word on where a request comes from is taken. Theirs alone: anybody can send a header, so it counts
 * only as far as each hop that wrote to it is one of these.
 */
export class TrustedProxies {
  readonly #list = new BlockList()
  /** Whether anybody is trusted. */
  readonly isEmpty: boolean

  /** Takes addresses and CIDR ranges for which `rangeProblem` finds nothing to say; throws for others. */
  constructor(ranges: readonly string[]) {
    this.isEmpty = ranges.length === 0
    for (const range of ranges) {
      const problem = rangeProblem(range)
      if (problem !== null) throw new TypeError(problem)
      const [address = '', prefix] = range.split('/')
      const family = isIP(address) === 4 ? 'ipv4' : 'ipv6'
      if (prefix === undefined) this.#list.addAddress(address, family)
      else this.#list.addSubnet(address, Number(prefix), family)
    }
  }

  /** Whether an address, in the spelling of `canonicalAddress`, is one of them. */
  includes(address: string): boolean {
    return this.#list.check(address, isIP(address) === 4 ? 'ipv4' : 'ipv6')
  }

  /**
   * The address a request comes from: that of the socket, unless it is one of these proxies; then the nearest one in
   * `X-Forwarded-For` that is not, read from right to left, as each proxy adds whom it heard it from at the right. Where a
   * proxy of ours has passed on something that is no address, nothing further left was checked by anybody: then it is
   * the socket's, and who hides behind it shares one throttle.
   */
  clientOf(socketAddress: string | null, forwardedFor: string | null): string | null {
    const peer = socketAddress === null ? null : canonicalAddress(socketAddress)
    if (peer === null || forwardedFor === null || !this.includes(peer)) return peer
    let client = peer
    for (const hop of forwardedFor.split(',').reverse()) {
      const address = canonicalAddress(withoutPort(hop.trim()))
      if (address === null) return peer
      client = address
      if (!this.includes(address)) return client
    }
    return client
  }
}

/** What is wrong with a range of addresses, as the end of a sentence that begins with where it was given; null when it can be used. */
export function rangeProblem(range: string): string | null {
  const [address = '', prefix, ...more] = range.split('/')
  const longest = isIP(address) === 4 ? 32 : 128
  const isRange = prefix === undefined || (/^\d{1,3}$/.test(prefix) && Number(prefix) <= longest)
  if (isIP(address) === 0 || address.includes('%') || more.length > 0 || !isRange) {
    return `'${range.slice(0, 60)}' is no address; give addresses or ranges such as 10.0.0.7 or 10.0.0.0/8`
  }
  if (prefix !== undefined && Number(prefix) === 0) return `'${range}' is everybody; name the proxies that are yours`
  return null
}

/** The one spelling of an address: IPv4 also where it came in the clothes of IPv6, no zone; null for what is none. */
export function canonicalAddress(text: string): string | null {
  const [address = ''] = text.split('%')
  if (isIP(address) === 4) return address
  if (isIP(address) === 0) return null
  const { hostname } = new URL(`http://[${address}]`)
  const mapped = /^\[::ffff:([0-9a-f]{1,4}):([0-9a-f]{1,4})\]$/.exec(hostname)
  if (mapped === null) return hostname.slice(1, -1)
  return [mapped[1], mapped[2]].map((half = '') => bytesOf(parseInt(half, 16))).join('.')
}

/** Finds the address of the client: that of the socket unless a trusted proxy is at its other end. */
export function clientAddress(proxies: TrustedProxies) {
  return createMiddleware<Env>(async (c, next) => {
    const socketAddress = c.env?.incoming?.socket.remoteAddress ?? null
    c.set('ip', proxies.clientOf(socketAddress, proxies.isEmpty ? null : (c.req.header('x-forwarded-for') ?? null)))
    await next()
  })
}

/** `192.0.2.7:443`, `[2001:db8::7]:443` and `[2001:db8::7]` without what is not the address. */
function withoutPort(hop: string): string {
  const bracketed = /^\[([^\]]*)\](?::\d{1,5})?$/.exec(hop)
  if (bracketed !== null) return bracketed[1] ?? ''
  return /^([\d.]+):\d{1,5}$/.exec(hop)?.[1] ?? hop
}

function bytesOf(half: number): string {
  return `${half >> 8}.${half & 255}`
}

import type { Peer } from '../http/index.ts'

/** What a host may say of its requests. `Args` is what it knows them by. */
export interface AdapterOptions<Args extends readonly unknown[]> {
  /**
   * The client's address. Default: that of the socket, where there is one. What a client says of itself in
   * `X-Forwarded-For` counts only if this reads it, so read it only behind a proxy of yours that writes it anew.
   */
  readonly clientAddress?: ((...args: Args) => string | null | undefined) | undefined
  /** True for polling that should not keep a session alive. Default: nothing is. */
  readonly isPassive?: ((...args: Args) => boolean) | undefined
}

/** What the host says of a request, or else what its socket says. */
export function peerOf<Args extends readonly unknown[]>(
  { clientAddress, isPassive }: AdapterOptions<Args>,
  args: Args,
  socketAddress: string | undefined,
): Peer {
  return {
    ip: (clientAddress === undefined ? socketAddress : clientAddress(...args)) ?? null,
    isPassive: isPassive?.(...args) ?? false,
  }
}

import { spawnSync } from 'node:child_process'
import { readdirSync } from 'node:fs'

/** What a packet that is not let through meets: nothing at all, or a router that says so. */
export type Obstacle = 'silence' | 'refusal'
/** Which way packets go. */
export type Direction = 'to the engine' | 'to the node'

/** A machine of its own, as far as the network is concerned. */
export interface Host {
  readonly address: string
  /** What stands in front of a command that is to run there, as somebody else where that is asked for. */
  under(user?: { readonly uid: number; readonly gid: number } | null): readonly string[]
}

/** The first part of every name, so that what an earlier run has left behind can be told. */
const PREFIX = 'sojourn-test-'
/** As `/proc/net/tcp` has it. */
const ESTABLISHED = '01'
const ENGINE = '10.213.1.2'
const NODE = '10.213.2.2'

/**
 * Two hosts and a router between them, each a network namespace of Linux. Nothing outside can reach them, and they reach
 * nothing outside. Gone at the end of the block that holds them, and with the process at the latest.
 */
export class NetworkOfNamespaces implements Disposable {
  readonly engine: Host
  readonly node: Host
  readonly #names: readonly string[]
  readonly #router: string
  readonly #cuts: (readonly string[])[] = []
  readonly #remove = (): void => this.#names.forEach(removeNamespace)

  /** Null where this machine does not let us make one: that takes root and iproute2 on Linux. */
  static open(): NetworkOfNamespaces | null {
    try {
      removeLeftovers()
      return new NetworkOfNamespaces()
    } catch {
      return null
    }
  }

  private constructor() {
    const [engine, router, node] = ['engine', 'router', 'node'].map((role) => `${PREFIX}${process.pid}-${role}`)
    this.#names = [engine!, router!, node!]
    this.#router = router!
    process.once('exit', this.#remove)
    try {
      for (const name of this.#names) ip(['netns', 'add', name])
      for (const name of this.#names) ip(['link', 'set', 'lo', 'up'], name)
      for (const [host, address, side] of [
        [engine!, ENGINE, 'west'],
        [node!, NODE, 'east'],
      ] as const) {
        const gateway = address.replace(/\d+$/, '1')
        ip(['link', 'add', 'out', 'netns', host, 'type', 'veth', 'peer', 'name', side, 'netns', router!])
        ip(['address', 'add', `${address}/24`, 'dev', 'out'], host)
        ip(['address', 'add', `${gateway}/24`, 'dev', side], router)
        ip(['link', 'set', 'out', 'up'], host)
        ip(['link', 'set', side, 'up'], router)
        ip(['route', 'add', 'default', 'via', gateway], host)
      }
      run('ip', ['netns', 'exec', router!, 'sh', '-c', 'echo 1 > /proc/sys/net/ipv4/ip_forward'])
    } catch (error) {
      this[Symbol.dispose]()
      throw error
    }
    this.engine = hostOf(engine!, ENGINE)
    this.node = hostOf(node!, NODE)
  }

  /**
   * From now on the router drops every packet of these directions, those of open connections too, and says nothing, or
   * says no; everything else gets through.
   */
  cut(directions: readonly Direction[], obstacle: Obstacle = 'silence'): void {
    this.heal()
    const type = obstacle === 'silence' ? 'blackhole' : 'unreachable'
    for (const direction of directions) {
      const route = [type, direction === 'to the engine' ? ENGINE : NODE]
      ip(['route', 'add', ...route], this.#router)
      this.#cuts.push(route)
    }
  }

  /** Everything gets through again. */
  heal(): void {
    for (const route of this.#cuts.splice(0)) ip(['route', 'delete', ...route], this.#router)
  }

  /** The ports of the node whose connections to the engine stand, as its kernel knows them. */
  get connections(): readonly number[] {
    const [command, ...words] = [...this.node.under(), 'cat', '/proc/net/tcp']
    const lines = run(command, words).trim().split('\n').slice(1)
    const sockets = lines.map((line) => line.trim().split(/\s+/))
    return sockets
      .filter(([, , , state]) => state === ESTABLISHED)
      .map(([, local]) => Number.parseInt(local!.split(':')[1]!, 16))
  }

  [Symbol.dispose](): void {
    process.off('exit', this.#remove)
    this.#remove()
  }
}

function hostOf(namespace: string, address: string): Host {
  return {
    address,
    under(user = null) {
      const as = user === null ? [] : ['setpriv', `--reuid=${user.uid}`, `--regid=${user.gid}`, '--clear-groups']
      return ['ip', 'netns', 'exec', namespace, ...as]
    },
  }
}

/** Those of processes that are gone: one that was killed could take nothing away. */
function removeLeftovers(): void {
  for (const name of namespaces()) {
    const [, pid] = /^sojourn-test-(\d+)-/.exec(name) ?? []
    if (pid !== undefined && !isRunning(Number(pid))) removeNamespace(name)
  }
}

function namespaces(): readonly string[] {
  try {
    return readdirSync('/run/netns')
  } catch {
    return []
  }
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}

function removeNamespace(name: string): void {
  if (namespaces().includes(name)) ip(['netns', 'delete', name])
}

function ip(words: readonly string[], namespace?: string): void {
  run('ip', namespace === undefined ? words : ['-netns', namespace, ...words])
}

function run(command: string, words: readonly string[]): string {
  const { status, stdout, stderr, error } = spawnSync(command, words, { encoding: 'utf8' })
  if (status !== 0) throw new Error(`${command} ${words.join(' ')} failed: ${stderr}`, { cause: error })
  return stdout
}

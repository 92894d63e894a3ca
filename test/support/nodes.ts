import type { ChildProcessWithoutNullStreams } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { setTimeout as later } from 'node:timers/promises'
import { Workplace, ended } from '../cli/support/program.ts'
import type { Ended } from '../cli/support/program.ts'
import { startNginx } from './nginx.ts'
import type { Nginx } from './nginx.ts'

const PATIENCE = 30_000
/** Who users think it is. The nodes are reached on this machine, which counts as encrypted. */
export const ORIGIN = 'https://id.example.com'

/** One `sojourn serve`, which can be stopped and started again on its port. */
export class ServiceNode {
  readonly url: string
  readonly #place: Workplace
  readonly #args: readonly string[]
  readonly #env: NodeJS.ProcessEnv
  #child: ChildProcessWithoutNullStreams | null = null
  #end: Promise<Ended> | null = null

  constructor(place: Workplace, port: number, args: readonly string[], env: NodeJS.ProcessEnv) {
    this.url = `http://127.0.0.1:${port}`
    this.#place = place
    this.#args = ['serve', '--base-url', ORIGIN, '--port', String(port), '--log-level', 'warn', ...args]
    this.#env = env
  }

  /** Fulfils when it is ready. */
  async start(): Promise<void> {
    const child = this.#place.start(this.#args, { env: this.#env })
    const end = ended(child)
    this.#child = child
    this.#end = end
    await until(`the node at ${this.url} to be ready`, async () => {
      if (child.exitCode !== null) throw new Error(`a node has ended: ${(await end).stderr}`)
      const answer = await fetch(`${this.url}/readyz`).catch(() => null)
      return answer?.status === 200
    })
  }

  /** Tells it to stop, and waits until it has. */
  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<Ended | null> {
    const child = this.#child
    this.#child = null
    if (child === null) return null
    if (child.exitCode === null && child.signalCode === null) child.kill(signal)
    return this.#end
  }

  ask(path: string, token: string): Promise<Response> {
    return fetch(this.url + path, { headers: { authorization: `Bearer ${token}` } })
  }
}

/** Several nodes on one database, behind nginx as docs/OPERATING.md has it. */
export interface Fleet extends AsyncDisposable {
  readonly place: Workplace
  readonly env: NodeJS.ProcessEnv
  readonly nodes: readonly ServiceNode[]
  /** Where nginx listens. */
  readonly url: string
}

/** Starts a fleet on the database that the variables name; `configuration` makes what stands in nginx's block `http`. */
export async function startFleet(
  size: number,
  { env, args = [] }: { readonly env: NodeJS.ProcessEnv; readonly args?: readonly string[] },
  configuration: (nodes: readonly string[], port: number) => string,
): Promise<Fleet> {
  const place = new Workplace()
  const nodes = (await freePorts(size)).map((port) => new ServiceNode(place, port, args, env))
  let nginx: Nginx | null = null
  const close = async (): Promise<void> => {
    await nginx?.close()
    await Promise.all(nodes.map((node) => node.stop('SIGKILL')))
    place[Symbol.dispose]()
  }
  try {
    const { code, stderr } = await place.run(['migrate'], { env })
    if (code !== 0) throw new Error(stderr)
    for (const node of nodes) await node.start()
    nginx = await startNginx(1, ([port = 0]) =>
      configuration(
        nodes.map(({ url }) => new URL(url).host),
        port,
      ),
    )
    return { place, env, nodes, url: `http://127.0.0.1:${nginx.ports[0]}`, [Symbol.asyncDispose]: close }
  } catch (error) {
    await close()
    throw error
  }
}

/** Waits until something holds that another process does by itself. */
export async function until(what: string, holds: () => Promise<boolean>): Promise<void> {
  const deadline = AbortSignal.timeout(PATIENCE)
  while (!(await holds())) {
    if (deadline.aborted) throw new Error(`waited in vain for ${what}`)
    await later(20)
  }
}

/** Ports of this machine that nobody listened on a moment ago. */
export async function freePorts(count: number): Promise<readonly number[]> {
  const servers = Array.from({ length: count }, () => createServer().listen(0, '127.0.0.1'))
  await Promise.all(servers.map((server) => once(server, 'listening')))
  const ports = servers.map((server) => (server.address() as AddressInfo).port)
  await Promise.all(servers.map((server) => new Promise((done) => server.close(done))))
  return ports
}

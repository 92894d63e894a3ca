import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { connect, createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as later } from 'node:timers/promises'

const NGINX = '/usr/sbin/nginx'
const TRIES = 10

/** Where nginx is, for `required`; null where the machine has none. */
export const nginxPath = existsSync(NGINX) ? NGINX : null

/** An nginx of one's own. */
export interface Nginx {
  /** Where it listens, in the order asked for. */
  readonly ports: readonly number[]
  close(): Promise<void>
}

/**
 * Starts nginx as the current user with everything it writes in a temporary folder. `http` is what stands in the block
 * of that name, given the free ports it may listen on. Rejects with what nginx says when it does not start.
 */
export async function startNginx(portCount: number, http: (ports: readonly number[]) => string): Promise<Nginx> {
  for (let left = TRIES; ; left -= 1) {
    const ports = await freePorts(portCount)
    const nginx = await start(ports, http(ports))
    if (typeof nginx !== 'string') return nginx
    // Somebody else may have taken a port meanwhile.
    if (left === 1 || !nginx.includes('Address already in use')) throw new Error(`nginx did not start: ${nginx}`)
  }
}

async function start(ports: readonly number[], http: string): Promise<Nginx | string> {
  const folder = await mkdtemp(join(tmpdir(), 'sojourn-nginx-'))
  const path = join(folder, 'nginx.conf')
  await writeFile(path, configuration(folder, http))
  const child = spawn(NGINX, ['-p', folder, '-c', path, '-e', 'stderr'], { stdio: ['ignore', 'ignore', 'pipe'] })
  const exit = once(child, 'exit')
  let said = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => (said += text))
  const close = async (): Promise<void> => {
    if (child.exitCode === null && child.signalCode === null) child.kill('SIGTERM')
    await exit
    await rm(folder, { recursive: true })
  }
  while (child.exitCode === null) {
    if ((await Promise.all(ports.map(isListening))).every(Boolean)) return { ports, close }
    await later(20)
  }
  await close()
  return said
}

function configuration(folder: string, http: string): string {
  const isRoot = process.getuid?.() === 0
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
  return `
    ${isRoot ? 'user root;' : ''}
    daemon off;
    worker_processes 1;
    pid ${folder}/pid;
    error_log stderr notice;
    events { worker_connections 512; }
    http {
      access_log off;
      ${temporary.map((kind) => `${kind}_temp_path ${folder}/${kind};`).join('\n      ')}
      ${http.replaceAll('TEMPORARY_FOLDER', folder)}
    }
  `
}

async function freePorts(count: number): Promise<readonly number[]> {
  const servers = Array.from({ length: count }, () => createServer().listen(0, '127.0.0.1'))
  await Promise.all(servers.map((server) => once(server, 'listening')))
  const ports = servers.map((server) => (server.address() as AddressInfo).port)
  await Promise.all(servers.map((server) => new Promise((done) => server.close(done))))
  return ports
}

async function isListening(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1')
  try {
    await once(socket, 'connect')
    return true
  } catch {
    return false
  } finally {
    socket.destroy()
  }
}

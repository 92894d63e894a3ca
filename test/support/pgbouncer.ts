import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chownSync, existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { PoolConfig } from 'pg'
import { execute, unprivileged, until } from './postgres.ts'

const PGBOUNCER = '/usr/sbin/pgbouncer'

/** Where PgBouncer is, for `required`; null where the machine has none. */
export const pgbouncerPath = existsSync(PGBOUNCER) ? PGBOUNCER : null

/** A pooler in front of a server: connections of clients share those of the server, transaction by transaction. */
export interface Pooler {
  readonly config: PoolConfig
  close(): Promise<void>
}

/** Starts PgBouncer in transaction mode, with fewer connections to the server than clients ask for. */
export async function startPgbouncer(server: PoolConfig, connections: number): Promise<Pooler> {
  const folder = mkdtempSync(join(tmpdir(), 'sojourn-pgbouncer-'))
  const owner = unprivileged()
  if (owner !== null) chownSync(folder, owner.uid, owner.gid)
  const settings = join(folder, 'pgbouncer.ini')
  writeFileSync(join(folder, 'users'), '"postgres" ""\n')
  writeFileSync(settings, configuration(folder, server, connections))
  const child = spawn(PGBOUNCER, [settings], { cwd: folder, stdio: 'ignore', ...owner })
  const exit = once(child, 'exit')
  const config = { ...server, host: folder, port: 6432 }
  const isUp = (): Promise<boolean> =>
    execute(config, 'SELECT 1').then(
      () => true,
      () => false,
    )
  await until(isUp, 'PgBouncer to start')
  return {
    config,
    async close() {
      child.kill('SIGKILL')
      await exit
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

function configuration(folder: string, server: PoolConfig, connections: number): string {
  return `
[databases]
* = host=${server.host ?? ''} user=postgres
[pgbouncer]
listen_addr =
listen_port = 6432
unix_socket_dir = ${folder}
auth_type = trust
auth_file = ${folder}/users
pool_mode = transaction
default_pool_size = ${connections}
max_client_conn = 200
ignore_startup_parameters = extra_float_digits
server_reset_query =
`
}

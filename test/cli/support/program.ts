import { spawn, spawnSync } from 'node:child_process'
import type { ChildProcessWithoutNullStreams } from 'node:child_process'
import { globSync, mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { SessionManager } from 'sojourn'
import type { PolicyOptions } from 'sojourn'
import { AuthManager } from 'sojourn/auth'
import { SqliteStore } from 'sojourn/sqlite'
import { FixedClock } from 'sojourn/testing'

const ROOT = resolve(import.meta.dirname, '../../..')
const SHIM = join(ROOT, 'packages/server/bin/sojourn.cjs')

buildIfStale()

/** Long enough to be taken. */
export const PASSWORD = 'a quiet walk along the river'

/** How a run of the program ended. */
export interface Ended {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

/** What a run is given besides its arguments. */
export interface RunOptions {
  readonly input?: string
  readonly env?: NodeJS.ProcessEnv
  readonly uid?: number
}

/** An empty folder to run the program in, gone when it goes out of scope. */
export class Workplace implements Disposable {
  readonly folder = mkdtempSync(join(tmpdir(), 'sojourn-cli-'))
  /** Where the program looks when nothing is said. */
  readonly database = join(this.folder, 'sojourn.db')

  /** Runs `sojourn` with these arguments to its end. */
  async run(args: readonly string[], { input = '', ...options }: RunOptions = {}): Promise<Ended> {
    const child = this.start(args, options)
    child.stdin.on('error', () => {}).end(input)
    return ended(child)
  }

  /** Runs it and reads its standard output as the one JSON document it is. */
  async json<T>(args: readonly string[], options: RunOptions = {}): Promise<Ended & { readonly value: T }> {
    const run = await this.run([...args, '--json'], options)
    if (run.stdout === '') throw new Error(`'sojourn ${args.join(' ')} --json' wrote no result; it said: ${run.stderr}`)
    return { ...run, value: JSON.parse(run.stdout) as T }
  }

  /** Starts it and leaves it running. */
  start(args: readonly string[], { env = {}, uid }: RunOptions = {}): ChildProcessWithoutNullStreams {
    return spawn(process.execPath, [SHIM, ...args], {
      cwd: this.folder,
      env: { PATH: process.env['PATH'], TZ: process.env['TZ'], TMPDIR: process.env['TMPDIR'], ...env },
      ...(uid === undefined ? {} : { uid, gid: uid }),
    })
  }

  /** The command line that runs the program, for a shell. */
  get shellCommand(): string {
    return `'${process.execPath}' '${SHIM}'`
  }

  /** What stands in the database is arranged with the library itself; `at` is when it happens. */
  async arrange<T>(
    work: (parts: { sessions: SessionManager; auth: AuthManager; clock: FixedClock }) => Promise<T>,
    { at = new Date(), policy = {} }: { at?: Date | string; policy?: PolicyOptions } = {},
  ): Promise<T> {
    const clock = new FixedClock(at)
    const store = SqliteStore.open(this.database)
    const sessions = new SessionManager({ store, clock, policy })
    const auth = new AuthManager({ sessions, users: store.users })
    try {
      return await work({ sessions, auth, clock })
    } finally {
      await sessions.close()
    }
  }

  [Symbol.dispose](): void {
    rmSync(this.folder, { recursive: true, force: true })
  }
}

/** Waits for a process and collects what it says. */
export async function ended(child: ChildProcessWithoutNullStreams): Promise<Ended> {
  let stdout = ''
  let stderr = ''
  child.stdout.setEncoding('utf8').on('data', (piece: string) => (stdout += piece))
  child.stderr.setEncoding('utf8').on('data', (piece: string) => (stderr += piece))
  const { promise, resolve: done, reject } = Promise.withResolvers<number | null>()
  child.once('error', reject).once('close', done)
  return { code: await promise, stdout, stderr }
}

/** What runs is what users run, the program as it is built; and it is built from what stands in the editor. */
function buildIfStale(): void {
  const sources = globSync('packages/{sojourn,server}/src/**/*.ts', { cwd: ROOT }).filter(
    (path) => !path.endsWith('.test.ts'),
  )
  const edited = Math.max(...sources.map((path) => changedAt(join(ROOT, path))))
  const built = Math.min(
    ...['sojourn', 'server'].map((name) => changedAt(join(ROOT, `packages/${name}/dist/.tsbuildinfo`))),
  )
  if (edited <= built) return
  const compiler = join(ROOT, 'node_modules/.bin/tsc')
  // Errors of types are for `npm run types` to tell; what can be built is built all the same.
  spawnSync(process.execPath, [compiler, '-b', 'packages/sojourn', 'packages/server'], { cwd: ROOT })
}

function changedAt(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0
}

/**
 * Builds what is not built, or was before its sources changed: both packages, and the console into the second. Nothing
 * is done twice, so that every command may begin with it.
 */
import { spawnSync } from 'node:child_process'
import { existsSync, globSync, statSync } from 'node:fs'
import { join } from 'node:path'

const CONSOLE = 'packages/console'
const BUILT = 'packages/server/dist/console/index.html'

run('tsc', ['-b', 'packages/sojourn', 'packages/server'])
if (isConsoleOld()) run('vite', ['build', CONSOLE, '--logLevel', 'warn'])

function isConsoleOld(): boolean {
  if (!existsSync(BUILT)) return true
  const sources = globSync(`${CONSOLE}/{*.*,src/**/*,public/**/*}`)
  const built = statSync(BUILT).mtimeMs
  return ['package-lock.json', ...sources].some((path) => statSync(path).mtimeMs > built)
}

function run(program: string, args: readonly string[]): void {
  const suffix = process.platform === 'win32' ? '.cmd' : ''
  const path = join('node_modules', '.bin', program + suffix)
  const { status, error } = spawnSync(path, args, { stdio: 'inherit', shell: suffix !== '' })
  if (error !== undefined) throw error
  if (status !== 0) process.exit(status ?? 1)
}

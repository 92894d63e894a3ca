import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { delimiter, dirname, join, resolve } from 'node:path'

const ROOT = resolve(import.meta.dirname, '..')

/** The folders of what is published; what needs another comes after it. */
export const PUBLISHED = ['packages/sojourn', 'packages/server'] as const

/** A package as a registry would receive it. */
export interface Packed {
  readonly name: string
  /** Its folder in the workspace, absolute. */
  readonly folder: string
  readonly tarball: string
  /** Every file in it, relative to the package. */
  readonly files: readonly string[]
}

/** Packs what was built last, both packages, into a folder that exists. */
export function packInto(destination: string): readonly Packed[] {
  return PUBLISHED.map((path) => {
    const folder = join(ROOT, path)
    const { name } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as { name: string }
    const printed = npm(['pack', '--silent', '--ignore-scripts', '--pack-destination', destination], folder)
    const tarball = join(destination, printed.trim().split('\n').at(-1) ?? '')
    const listed = execFileSync('tar', ['-tzf', tarball], { encoding: 'utf8' }).trim().split('\n')
    return { name, folder, tarball, files: listed.map((file) => file.replace(/^package\//, '')).toSorted() }
  })
}

/** Runs npm on the very Node that runs this, so that no answer depends on the host's. */
export function npm(options: readonly string[], folder: string): string {
  return execFileSync('npm', options, {
    cwd: folder,
    encoding: 'utf8',
    env: withThisNode(),
    stdio: ['ignore', 'pipe', 'pipe'],
  })
}

/** The environment with this Node first on PATH. */
export function withThisNode(): NodeJS.ProcessEnv {
  return { ...process.env, PATH: dirname(process.execPath) + delimiter + process.env.PATH }
}

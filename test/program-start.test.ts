import { spawnSync } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { delimiter, join, resolve } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'

const BIN = resolve(import.meta.dirname, '../packages/server/bin')
const { problemWithNode } = createRequire(import.meta.url)(join(BIN, 'supported-node.cjs')) as {
  problemWithNode: (version: string) => string | null
}

/** What was printed by a program that was started as a person would, and how it ended. */
interface Ended {
  readonly status: number | null
  readonly stdout: string
  readonly stderr: string
}

let folder: string
let shim: string

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'sojourn-start-'))
  cpSync(BIN, join(folder, 'bin'), { recursive: true })
  shim = join(folder, 'bin/sojourn.cjs')
})

afterEach(() => {
  rmSync(folder, { recursive: true, force: true })
})

describe('a Node that cannot run the program', () => {
  test.each(['12.22.12', '20.20.2', '24.14.9', '25.9.0'])('%s is told in one sentence and exit code 78', (version) => {
    install(`console.log('started')`)
    const { status, stdout, stderr } = startAs(version)
    expect(stdout).toBe('')
    expect(stderr).toBe(
      `sojourn needs Node 24.15 or newer (but not 25), and this is Node ${version}; ` +
        'install Node 24, or in a checkout run "npm ci --include=optional" and start it as "npx sojourn"\n',
    )
    expect(status).toBe(78)
  })

  test('a Node of this host that is really too old gets the same', (context) => {
    const older = olderNode() ?? context.skip('every node on PATH is new enough')
    const { status, stdout, stderr } = start(older)
    expect({ status, stdout, lines: stderr.split('\n').length }).toEqual({ status: 78, stdout: '', lines: 2 })
    expect(stderr).toMatch(/^sojourn needs Node 24\.15 or newer/)
  })

  test('nothing in its way is written in a syntax it cannot read', () => {
    for (const file of ['sojourn.cjs', 'supported-node.cjs']) {
      const code = readFileSync(join(BIN, file), 'utf8').replaceAll(/\/\*.*\*\/|\/\/.*/g, '')
      expect(code).not.toMatch(/=>|`|\?\.|\?\?|node:|\b(?:const|let|class|async|await)\b/)
    }
  })
})

describe('a Node that can', () => {
  test.each(['24.15.0', '24.21.0', '26.0.0', '27.1.0'])('%s starts it', (version) => {
    install(`console.log('started', process.argv.slice(2).join(' '))`)
    expect(startAs(version, ['list', '--all'])).toEqual({ status: 0, stdout: 'started list --all\n', stderr: '' })
  })

  test('hears in one sentence that a checkout was not built', () => {
    const { status, stdout, stderr } = start(process.execPath)
    expect({ status, stdout }).toEqual({ status: 78, stdout: '' })
    expect(stderr).toBe('sojourn is not built yet; run "npm run build" in the checkout\n')
  })

  test.each([
    ['does not load', `throw new Error('broken')`, 'sojourn could not start: broken\n'],
    ['lacks a package', `import 'no-such-package'`, `sojourn could not start: Cannot find package 'no-such-package'`],
    ['throws what is no error', `throw null`, 'sojourn could not start: null\n'],
  ])('says in one line that the program %s', (_, program, sentence) => {
    install(program)
    const { status, stdout, stderr } = start(process.execPath)
    expect({ status, stdout, lines: stderr.split('\n').length }).toEqual({ status: 1, stdout: '', lines: 2 })
    expect(stderr).toContain(sentence)
  })

  test('the engines of the packages say the same', () => {
    const { engines } = JSON.parse(readFileSync(join(BIN, '../package.json'), 'utf8')) as { engines: { node: string } }
    expect(engines.node).toBe('^24.15.0 || >=26.0.0')
    const verdicts = ['24.14.0', '24.15.0', '25.0.0', '26.0.0'].map((version) => problemWithNode(version) === null)
    expect(verdicts).toEqual([false, true, false, true])
  })
})

function install(program: string): void {
  mkdirSync(join(folder, 'dist/cli'), { recursive: true })
  writeFileSync(join(folder, 'package.json'), '{ "type": "module" }')
  writeFileSync(join(folder, 'dist/cli/main.js'), program)
}

/** Starts the shim on this Node, which says that it is another. */
function startAs(version: string, options: readonly string[] = []): Ended {
  const disguise = join(folder, 'disguise.cjs')
  writeFileSync(disguise, `Object.defineProperty(process.versions, 'node', { value: '${version}' })`)
  return start(process.execPath, ['--require', disguise], options)
}

function start(node: string, nodeOptions: readonly string[] = [], options: readonly string[] = []): Ended {
  const env = { PATH: process.env.PATH }
  const { status, stdout, stderr } = spawnSync(node, [...nodeOptions, shim, ...options], { encoding: 'utf8', env })
  return { status, stdout, stderr }
}

function olderNode(): string | null {
  const nodes = (process.env.PATH ?? '').split(delimiter).map((place) => join(place, 'node'))
  return nodes.find((node) => existsSync(node) && isTooOld(node)) ?? null
}

function isTooOld(node: string): boolean {
  const version = spawnSync(node, ['-p', 'process.versions.node'], { encoding: 'utf8' }).stdout.trim()
  return version !== '' && problemWithNode(version) !== null
}

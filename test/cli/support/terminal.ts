import { spawn } from 'node:child_process'
import type { ChildProcessWithoutNullStreams } from 'node:child_process'
import { existsSync } from 'node:fs'
import type { TestContext } from 'vitest'
import { required } from '../../support/require.ts'
import type { Workplace } from './program.ts'

/** What is typed when the screen shows something. */
export type Keys = readonly (readonly [shown: string, text: string])[]

/**
 * Starts the program in a terminal of 80 columns and types each text as soon as the screen shows what it waits
 * for, one after the other. Both its streams are the one screen.
 */
export function startInTerminal(
  context: Pick<TestContext, 'skip'>,
  place: Workplace,
  args: string,
  keys: Keys,
  env: NodeJS.ProcessEnv = {},
): ChildProcessWithoutNullStreams {
  const script = required(context, 'program script', existsSync('/usr/bin/script') ? '/usr/bin/script' : null)
  const command = `stty cols 80 rows 24; exec ${place.shellCommand} ${args}`
  const child = spawn(script, ['-qefc', command, '/dev/null'], {
    cwd: place.folder,
    env: { PATH: process.env['PATH'], TERM: 'xterm-256color', SHELL: '/bin/bash', ...env },
  })
  whenShown(child, keys, (text) => child.stdin.write(text))
  return child
}

/** Calls `act` with each text as soon as the screen shows what it waits for, one after the other. */
export function whenShown(child: ChildProcessWithoutNullStreams, keys: Keys, act: (text: string) => void): void {
  let screen = ''
  let done = 0
  child.stdout.on('data', (piece: Buffer | string) => {
    screen += String(piece)
    const next = keys[done]
    const at = next === undefined ? -1 : screen.indexOf(next[0])
    if (next === undefined || at === -1) return
    done += 1
    screen = screen.slice(at + next[0].length)
    act(next[1])
  })
}

import { fork } from 'node:child_process'
import { once } from 'node:events'
import type { Finding } from './findings.ts'
import type { Part } from './options.ts'

/** Carries out one part in a process of its own, so that no part inherits another's memory or compiled code. */
export async function inOwnProcess(part: Part | 'build', file: string, size: number): Promise<readonly Finding[]> {
  const child = fork(new URL('./part.ts', import.meta.url), [part, file, String(size)], { execArgv: ['--expose-gc'] })
  let findings: readonly Finding[] = []
  child.once('message', (message) => {
    findings = message as readonly Finding[]
  })
  const [[code]] = await Promise.all([once(child, 'exit'), once(child, 'disconnect')])
  if (code !== 0) throw new Error(`${part} at ${size} sessions ended with exit code ${String(code)}`)
  return findings
}

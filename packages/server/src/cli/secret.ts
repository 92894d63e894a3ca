import type { Cli, InputStream } from './cli.ts'
import { failed, wrongUsage } from './failure.ts'
import type { OutputStream } from './output/output.ts'

/** What a secret is called, and whether a person types it twice because a slip would lock them out. */
export interface SecretRequest {
  readonly name: 'password' | 'token'
  readonly isNew?: boolean
}

const LINE_LIMIT = 4_096

/**
 * A secret from a hidden prompt on a terminal, else the first line of standard input without its line end.
 * Fails with a sentence when there is none, it is longer than 4,096 bytes, or it is not UTF-8.
 */
export async function readSecret(cli: Cli, request: SecretRequest): Promise<string> {
  return cli.input.isTTY === true ? prompted(cli, request) : readLine(cli.input, request.name)
}

/** Asks a person before something that cannot be taken back. Without a terminal, `--yes` must have been given. */
export async function confirm(cli: Cli, deed: string, isAgreed: boolean): Promise<void> {
  if (isAgreed) return
  if (cli.input.isTTY !== true) throw wrongUsage(`this would ${deed}; add --yes to go ahead without being asked`)
  const prompts = await import('@clack/prompts')
  const answer = await prompts.confirm({ message: `Really ${deed}?`, initialValue: false, ...streams(cli) })
  if (answer !== true) throw cancelled()
}

async function prompted(cli: Cli, request: SecretRequest): Promise<string> {
  const prompts = await import('@clack/prompts')
  const ask = async (message: string): Promise<string> => {
    const answer = await prompts.password({ message, ...streams(cli) })
    if (typeof answer !== 'string') throw cancelled()
    return answer
  }
  const secret = assertUsable(
    await ask(request.isNew === true ? `New ${request.name}` : capitalised(request.name)),
    request.name,
  )
  if (request.isNew === true && (await ask(`The same ${request.name} again`)) !== secret) {
    throw failed('not_repeated', `the two ${request.name}s differ; nothing was changed`)
  }
  return secret
}

async function readLine(input: InputStream, name: string): Promise<string> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of input as AsyncIterable<Buffer | string>) {
    const bytes = typeof chunk === 'string' ? Buffer.from(chunk) : chunk
    chunks.push(bytes)
    size += bytes.length
    if (bytes.includes('\n') || size > LINE_LIMIT + 2) break
  }
  const line = firstLine(Buffer.concat(chunks))
  if (line.length > LINE_LIMIT) {
    throw wrongUsage(`the first line of standard input is longer than ${LINE_LIMIT} bytes; give the ${name} alone`)
  }
  return assertUsable(decoded(line), name)
}

function firstLine(bytes: Buffer): Buffer {
  const end = bytes.indexOf('\n')
  const line = end === -1 ? bytes : bytes.subarray(0, end)
  return line.at(-1) === 0x0d ? line.subarray(0, -1) : line
}

function decoded(line: Buffer): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(line)
  } catch {
    throw wrongUsage('standard input is not UTF-8 text; give the secret as text')
  }
}

function assertUsable(secret: string, name: string): string {
  if (secret === '')
    throw wrongUsage(`the ${name} is empty; type it at the prompt or give it as the first line of standard input`)
  return secret
}

function streams(cli: Cli): { input: InputStream; output: OutputStream } {
  return { input: cli.input, output: cli.output.stderr }
}

function cancelled(): Error {
  return failed('cancelled', 'cancelled; nothing was changed')
}

function capitalised(word: string): string {
  return word.charAt(0).toUpperCase() + word.slice(1)
}

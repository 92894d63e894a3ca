import { CommanderError } from 'commander'
import { isSojournError } from 'sojourn'
import type { Cli, InputStream } from './cli.ts'
import { DEFAULT_DATABASE_URL } from './database-url.ts'
import { Failure, failed } from './failure.ts'
import type { ExitCode } from './failure.ts'
import { Output, PipeClosed } from './output/output.ts'
import type { OutputStream } from './output/output.ts'
import { safeJson, visible } from './output/text.ts'
import { createProgram } from './program.ts'
import { refuseTokens } from './refused-tokens.ts'

/** What a run of the program talks to. */
export interface Surroundings {
  readonly stdin: InputStream
  readonly stdout: OutputStream
  readonly stderr: OutputStream
  readonly env: NodeJS.ProcessEnv
}

/** Runs one command line and answers with what to exit with. Never rejects: every failure is told in one sentence. */
export async function run(args: readonly string[], surroundings: Surroundings): Promise<ExitCode> {
  const { stdin, stdout, stderr, env } = surroundings
  const output = new Output(stdout, stderr, env)
  // What is wrong with the command line itself is told before the options are known.
  output.isJson = args.includes('--json')
  const database = { url: DEFAULT_DATABASE_URL, source: 'default' } as const
  const cli: Cli = { input: stdin, output, env, database, users: null, exitCode: 0 }
  try {
    refuseTokens(args)
    await createProgram(cli, env).parseAsync(args, { from: 'user' })
    return cli.exitCode
  } catch (thrown) {
    // Where closing the database fails as well, what came first is what the person has to know.
    const error: unknown = thrown instanceof SuppressedError ? thrown.suppressed : thrown
    if (error instanceof PipeClosed) return cli.exitCode
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2
    const failure = failureOf(error)
    tell(output, failure)
    return failure.exitCode
  }
}

function failureOf(error: unknown): Failure {
  if (error instanceof Failure) return error
  if (isSojournError(error)) {
    const isUsage = error.code === 'invalid_argument' || error.code === 'invalid_option'
    return new Failure(isUsage ? 2 : 1, error.code, error.message)
  }
  return failed('unexpected', error instanceof Error ? error.message : String(error))
}

function tell(output: Output, { code, message, details }: Failure): void {
  const sentence = oneLine(message)
  const sentences = details.map(oneLine)
  // One that is all there is to say has been said.
  const more = sentences.length > 1 ? sentences : []
  output.stderr.write(
    output.isJson
      ? `${safeJson({ error: { code, message: sentence, ...(details.length === 0 ? {} : { details: sentences }) } })}\n`
      : `sojourn: ${sentence}\n${more.map((each) => `  - ${each}\n`).join('')}`,
  )
}

function oneLine(text: string): string {
  return visible(text.replaceAll(/\s*\n\s*/g, ' '))
}

import { visible } from './output/text.ts'
import { run } from './run.ts'

// What is thrown where nobody waits for it, as when a terminal is closed under a prompt, is told in one line, too.
process.once('uncaughtException', (error) => {
  process.stderr.write(`sojourn: ${visible(error.message)}\n`)
  process.exit(1)
})

process.exitCode = await run(process.argv.slice(2), process)

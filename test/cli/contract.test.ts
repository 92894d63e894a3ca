/** docs/CLI.md is a contract: its examples show what they say, and it has every command and flag, and no others. */
import { readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { PassThrough } from 'node:stream'
import { describe, expect, test } from 'vitest'
import { Command } from '../../packages/server/src/cli/command.ts'
import { Output } from '../../packages/server/src/cli/output/output.ts'
import { createProgram } from '../../packages/server/src/cli/program.ts'
import { examplesOf, shownBy, withoutChance } from './support/examples.ts'
import { Workplace } from './support/program.ts'

const PAGE = readFileSync(join(resolve(import.meta.dirname, '../..'), 'docs/CLI.md'), 'utf8')
const PROGRAM = program()
const COMMANDS = leaves(PROGRAM)

// As one command follows the other a busy machine may take its time.
test('the examples of the page show what it says, typed in its order', { timeout: 180_000 }, () => {
  using place = new Workplace()
  const examples = examplesOf(PAGE)
  const shown = shownBy(
    examples.map(({ command }) => command),
    place.shellCommand,
    place.folder,
  )
  const story = examples.map(({ command }, index) => `$ ${command}\n${withoutChance(shown[index] ?? '')}`)
  expect(examples.length).toBeGreaterThan(30)
  expect(story).toEqual(examples.map(({ command, output }) => `$ ${command}\n${withoutChance(output)}`))
})

describe('the page', () => {
  test('has a section for every command, and for no other', () => {
    const headings = [...PAGE.matchAll(/^### `(.*)`$/gm)].map(([, heading]) => heading)
    expect(new Set(headings)).toEqual(new Set(COMMANDS.map(usage)))
  })

  test.each(COMMANDS.map((command) => ({ path: command.path, command })))(
    'has the flags of $path, and no other',
    ({ command }) => {
      const [, after = ''] = PAGE.split(`### \`${usage(command)}\`\n`)
      const section = after.split(/^##/m)[0] ?? ''
      const flags = [...section.matchAll(/^- `(--.*?)`:/gm)].map(([, flag]) => flag)
      expect(new Set(flags)).toEqual(new Set(command.options.map(({ flags: own }) => own)))
    },
  )

  test('has the options of the program, and the exit codes', () => {
    for (const { flags } of PROGRAM.options) expect(PAGE).toContain(`| \`${flags}\` |`)
    expect(PAGE).toMatch(/Exit codes\.\*\* 0: done\. 1: failed\. 2: wrong usage\. 3: not valid/)
  })
})

describe('the help', () => {
  test.each(COMMANDS.map((command) => ({ path: command.path, command })))(
    'of $path teaches: it has a description and examples',
    ({ command }) => {
      expect(command.description()).not.toBe('')
      expect(command.exampleLines.length).toBeGreaterThan(0)
      for (const [line] of command.exampleLines) expect(line).toContain(command.path.replace('sojourn ', ''))
    },
  )

  test('of the program fits a terminal of 80 columns, and has every command', () => {
    const help = PROGRAM.helpInformation()
    for (const line of help.split('\n')) expect(line.length).toBeLessThanOrEqual(80)
    for (const { name } of PROGRAM.commands.map((command) => ({ name: command.name() }))) {
      expect(help).toMatch(new RegExp(`^  ${name} `, 'm'))
    }
  })
})

function program(): Command {
  const output = new Output(new PassThrough(), new PassThrough(), { COLUMNS: '80' })
  return createProgram(
    {
      input: new PassThrough(),
      output,
      env: {},
      database: { url: ':memory:', source: 'default' },
      users: null,
      exitCode: 0,
    },
    {},
  )
}

/** The commands that do something, at whatever depth. */
function leaves(command: Command): readonly Command[] {
  return command.commands
    .filter((child): child is Command => child instanceof Command)
    .flatMap((child) => (child.commands.length === 0 ? [child] : leaves(child)))
}

function usage(command: Command): string {
  const names = command.registeredArguments.map((argument) =>
    argument.required ? `<${argument.name()}>` : `[${argument.name()}]`,
  )
  return [command.path, ...names].join(' ')
}

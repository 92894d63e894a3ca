import { Command as CommanderCommand } from 'commander'
import { wrongUsage } from './failure.ts'

/** A command of this program. What is wrong with its usage is thrown as one sentence that names the help to read. */
export class Command extends CommanderCommand {
  /** Example invocations and what each is for, shown at the end of the help. */
  readonly exampleLines: (readonly [line: string, purpose: string])[] = []
  /** What this command reads from the prompt or from standard input, if anything. */
  secret: 'password' | 'token' | null = null

  override createCommand(name?: string): Command {
    return new Command(name)
  }

  /** The command as it is typed, as in `sojourn user add`. */
  get path(): string {
    return this.parent instanceof Command ? `${this.parent.path} ${this.name()}` : this.name()
  }

  /** Adds an example to the help: a line as it is typed, and what it is for. */
  example(line: string, purpose: string): this {
    this.exampleLines.push([line, purpose])
    return this
  }

  /** Says that this command reads a secret, which is never an argument. */
  reads(secret: 'password' | 'token'): this {
    this.secret = secret
    return this
  }

  override error(message: string): never {
    const sentence = this.#sentence(message.replace(/^error: /, ''))
    throw wrongUsage(`${sentence}${sentence.endsWith('?') ? ' See' : '; see'} '${this.path} --help'`)
  }

  /** In our words where the library's repeat what was typed, which may be a secret. */
  #sentence(message: string): string {
    if (message.startsWith('too many arguments')) {
      const most = this.registeredArguments.length
      const advice =
        this.secret === null
          ? ''
          : `; the ${this.secret} is typed at the prompt or read from standard input, never given here`
      return `too many arguments: ${this.args.length} were given and at most ${most} can be used${advice}`
    }
    return message
      .replace(/'(--[^=']+)=[^']*'/, "'$1'")
      .replace(/\s*\(Did you mean (.*)\?\)$/s, "; did you mean '$1'?")
      .replace(/\.$/, '')
  }
}

/** The end of a command's help: its examples, each beside its purpose, or below it where the lines would be too long. */
export function examplesText(command: Command, width: number): string {
  if (command.exampleLines.length === 0) return ''
  const longest = Math.max(...command.exampleLines.map(([line]) => line.length))
  const beside = command.exampleLines.map(([line, purpose]) => `  ${line.padEnd(longest)}  # ${purpose}`)
  const below = command.exampleLines.map(([line, purpose]) => `  # ${purpose}\n  ${line}`)
  return ['', 'Examples:', ...(beside.every((line) => line.length <= width) ? beside : below)].join('\n')
}

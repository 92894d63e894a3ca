import { DatabaseSync, StatementSync } from 'node:sqlite'

/** How many statements reach SQLite while the work is done, on whatever connection of this process. */
export async function statementsDuring(work: () => Promise<unknown>): Promise<number> {
  let count = 0
  const tally = (): void => void (count += 1)
  await watching([...METHODS.map((name) => intercept(StatementSync.prototype, name, tally)), onExec(tally)], work)
  return count
}

/** The settings that are made while the work is done, as SQL. */
export async function pragmasDuring(work: () => Promise<unknown>): Promise<string> {
  const pragmas: string[] = []
  const keep = (sql: unknown): void => {
    if (typeof sql === 'string' && sql.trimStart().startsWith('PRAGMA')) pragmas.push(sql)
  }
  await watching([onExec(keep)], work)
  return pragmas.join(';\n')
}

const METHODS = ['get', 'all', 'run', 'iterate']

async function watching(restore: readonly (() => void)[], work: () => Promise<unknown>): Promise<void> {
  try {
    await work()
  } finally {
    for (const each of restore) each()
  }
}

function onExec(seen: (sql: unknown) => void): () => void {
  return intercept(DatabaseSync.prototype, 'exec', seen)
}

/** Has every call of a method seen before it goes through; answers with how to undo that. */
function intercept(owner: object, name: string, seen: (first: unknown) => void): () => void {
  const descriptor = Object.getOwnPropertyDescriptor(owner, name)
  const original: unknown = descriptor?.value
  if (descriptor === undefined || typeof original !== 'function') throw new Error(`node:sqlite has no ${name}`)
  Object.defineProperty(owner, name, {
    ...descriptor,
    value(this: unknown, ...values: unknown[]): unknown {
      seen(values[0])
      return Reflect.apply(original, this, values)
    },
  })
  return () => Object.defineProperty(owner, name, descriptor)
}

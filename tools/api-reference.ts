/**
 * Writes docs/API.md from the declarations that `tsc -b` emits: every public name with its own docstring, so the
 * reference cannot say anything that the source does not. `--check` writes nothing and fails if the file is out of date.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'

const LIBRARY = 'packages/sojourn'
const PAGE = 'docs/API.md'

interface Manifest {
  readonly exports: Record<string, string | { readonly types: string }>
}

const manifest = JSON.parse(readFileSync(join(LIBRARY, 'package.json'), 'utf8')) as Manifest

export function apiReference(): string {
  const parts = [
    '# API reference',
    'Made from the docstrings by `npm run docs`; edit those, not this page. Durations are a number of seconds or text such as' +
      " `'30m'`; instants are `Date` where a `Session` or `User` shows them and milliseconds since 1970 (UTC) in records, which is what stores see.",
  ]
  for (const [subpath, target] of Object.entries(manifest.exports)) {
    if (typeof target === 'string') continue
    const entry = join(LIBRARY, target.types)
    parts.push(`## \`${subpath.replace('.', 'sojourn')}\``)
    for (const name of exportedNames(entry)) parts.push(section(name, declarationOf(entry, name)))
  }
  return parts.join('\n\n') + '\n'
}

function section(name: string, declaration: string): string {
  const { doc, code } = splitDoc(declaration)
  return [`### ${name}`, ...(doc === '' ? [] : [doc]), '```typescript\n' + code + '\n```'].join('\n\n')
}

/** The names a declaration file exports, in its order. */
function exportedNames(file: string): readonly string[] {
  const text = readFileSync(file, 'utf8')
  const lists = [...text.matchAll(/^export (?:type )?\{([^}]*)\}/gm)].flatMap(([, names]) => names!.split(','))
  const own = [...text.matchAll(/^export (?:declare )?(?:abstract )?(?:class|interface|type|const|function) (\w+)/gm)]
  const names = [...lists.map((name) => name.replace(/^\s*type /, '').trim()), ...own.map(([, name]) => name!)]
  return [...new Set(names.filter((name) => name !== ''))]
}

/** The text of a name's declaration with its docstring, wherever it is re-exported from. */
function declarationOf(file: string, name: string): string {
  const text = readFileSync(file, 'utf8')
  const own = ownDeclaration(text, name)
  if (own !== null) return own
  for (const [, names, from] of text.matchAll(/^export (?:type )?\{([^}]*)\} from '([^']+)'/gm)) {
    if (names!.split(',').some((each) => each.replace(/^\s*type /, '').trim() === name)) {
      return declarationOf(join(dirname(file), from!.replace(/\.[jt]s$/, '.d.ts')), name)
    }
  }
  throw new Error(`${file} exports ${name}, but its declaration was not found`)
}

function ownDeclaration(text: string, name: string): string | null {
  const start = new RegExp(
    `^export (?:declare )?(?:abstract )?(?:class|interface|type|const|function) ${name}\\b`,
    'm',
  ).exec(text)
  if (start === null) return null
  const lines = text.slice(start.index).split('\n')
  const code = lines.slice(0, lastLine(lines) + 1).join('\n')
  const before = text.slice(0, start.index).trimEnd()
  const doc = before.endsWith('*/') ? before.slice(before.lastIndexOf('/**')) : ''
  return doc === '' ? code : `${doc}\n${code}`
}

/** Where a declaration ends: the first line at which every brace is closed and that ends it. */
function lastLine(lines: readonly string[]): number {
  let depth = 0
  return lines.findIndex((line) => {
    const bare = line.replace(/\/\*.*\*\/|^\s*\/?\*.*$|'[^']*'/g, '')
    depth += (bare.match(/[{(]/g) ?? []).length - (bare.match(/[})]/g) ?? []).length
    return depth === 0 && /[;}]$/.test(bare)
  })
}

function splitDoc(declaration: string): { doc: string; code: string } {
  const match = /^\/\*\*([\s\S]*?)\*\/\n/.exec(declaration)
  if (match === null) return { doc: '', code: visible(declaration) }
  const doc = match[1]!
    .split('\n')
    .map((line) => line.replace(/^\s*\* ?/, '').trimEnd())
    .join('\n')
    .trim()
  return { doc, code: visible(declaration.slice(match[0].length)) }
}

/** A declaration as a reader needs it: without private members and the words of the emitter. */
function visible(code: string): string {
  return code
    .replace(/^export (declare )?/, '')
    .replace(/^ {4}#private;\n/m, '')
    .replace(/^ {4}private [^\n]*\n/gm, '')
}

if (import.meta.main) {
  const page = apiReference()
  if (process.argv.includes('--check')) {
    if (readFileSync(PAGE, 'utf8') !== page) {
      console.error(`${PAGE} is out of date; run npm run docs`)
      process.exitCode = 1
    }
  } else {
    writeFileSync(PAGE, page)
    console.log(`${PAGE} written, ${page.split('\n### ').length - 1} names`)
  }
}

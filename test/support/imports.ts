/** One import of a source file: of types, of values, or one that happens only when a line is reached. */
export interface Import {
  readonly specifier: string
  readonly kind: 'type' | 'value' | 'late'
}

// Names, braces, commas and stars stand between `import` and `from`, and nothing else can.
const STATEMENT = /^(?:import|export)\s+(type\s+)?[\w$\s{},*]+?\s*from\s*(['"])(.+?)\2/gm
const FOR_EFFECT = /^import\s*(['"])(.+?)\1/gm
const CALL = /\bimport\s*\(\s*(['"`])(.+?)\1/g

/** The imports of a formatted source file. Read from the text: no parser, and no line of comment counts. */
export function importsOf(source: string): readonly Import[] {
  const code = withoutComments(source)
  return [
    ...found(code, STATEMENT, ([, type, , specifier]) => ({ specifier, kind: type === undefined ? 'value' : 'type' })),
    ...found(code, FOR_EFFECT, ([, , specifier]) => ({ specifier, kind: 'value' })),
    ...found(code, CALL, ([, , specifier]) => ({ specifier, kind: 'late' })),
  ]
}

/** A source file with its comments blanked out. A `//` inside a text goes too unless a colon precedes it, as in a URL. */
export function withoutComments(source: string): string {
  return source.replace(/\/\*[\s\S]*?\*\//g, ' ').replace(/(^|[^:'"`\\/])\/\/[^\n]*/gm, '$1')
}

type Groups = readonly (string | undefined)[]

function found(
  code: string,
  pattern: RegExp,
  read: (groups: Groups) => { specifier: string | undefined; kind: Import['kind'] },
): readonly Import[] {
  return [...code.matchAll(pattern)].map((match) => {
    const { specifier, kind } = read(match)
    return { specifier: specifier ?? '', kind }
  })
}

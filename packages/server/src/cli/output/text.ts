const GRAPHEMES = new Intl.Segmenter('en', { granularity: 'grapheme' })
const PLAIN = /^[\x20-\x7e]*$/
// Controls (also the eight-bit ones that terminals obey), formatting characters, lone surrogates, private and unassigned ones.
const UNPRINTABLE = /[\p{C}\p{Zl}\p{Zp}]/gu
const ZERO_WIDTH = /^[\p{M}\p{Cf}]/u
const EMOJI = /\p{Emoji_Presentation}|\u{fe0f}/u
/** The blocks that Unicode's East Asian Width calls wide or fullwidth. */
const WIDE =
  /^[\u{1100}-\u{115f}\u{2e80}-\u{303e}\u{3041}-\u{a4cf}\u{a960}-\u{a97f}\u{ac00}-\u{d7a3}\u{f900}-\u{faff}\u{fe30}-\u{fe6f}\u{ff00}-\u{ff60}\u{ffe0}-\u{ffe6}\u{1f300}-\u{1faff}\u{20000}-\u{3fffd}]/u

/** Text from outside as a terminal may show it: what could move the cursor, colour, hide or reorder is spelt out, as in `\u{1b}`. */
export function visible(text: string): string {
  return PLAIN.test(text) ? text : text.replace(UNPRINTABLE, spelt)
}

/** How many columns of a terminal a text without control characters takes. */
export function displayWidth(text: string): number {
  if (PLAIN.test(text)) return text.length
  let width = 0
  for (const { segment } of GRAPHEMES.segment(text)) width += graphemeWidth(segment)
  return width
}

/** The text in at most so many columns, with an ellipsis for what was cut off; never half a character. */
export function shorten(text: string, columns: number): string {
  if (displayWidth(text) <= columns) return text
  let kept = ''
  let width = 0
  for (const { segment } of GRAPHEMES.segment(text)) {
    width += graphemeWidth(segment)
    if (width > columns - 1) break
    kept += segment
  }
  return columns < 1 ? '' : `${kept}…`
}

/** The text with blanks up to so many columns, after it or before it. */
export function pad(text: string, columns: number, align: 'left' | 'right' = 'left'): string {
  const blanks = ' '.repeat(Math.max(0, columns - displayWidth(text)))
  return align === 'left' ? text + blanks : blanks + text
}

/** The text broken at blanks into lines of at most so many columns; a longer word has a line to itself. */
export function wrap(text: string, columns: number): readonly string[] {
  const lines: string[] = []
  let line = ''
  for (const word of text.split(' ')) {
    const longer = line === '' ? word : `${line} ${word}`
    if (line !== '' && displayWidth(longer) > columns) {
      lines.push(line)
      line = word
    } else {
      line = longer
    }
  }
  return [...lines, line]
}

/** An instant for people: ISO 8601 in UTC, to the second. */
export function instant(at: Date): string {
  return `${at.toISOString().slice(0, 19)}Z`
}

/** An instant to the minute, where there is little room. */
export function minute(at: Date): string {
  return `${at.toISOString().slice(0, 16)}Z`
}

/** A whole number with its thousands set apart, as in `12,345`. */
export function figure(count: number): string {
  return count.toLocaleString('en-US')
}

/** A count and its noun, as in `1 session` and `3 sessions`. */
export function counted(count: number, noun: string): string {
  return `${figure(count)} ${noun}${count === 1 ? '' : 's'}`
}

/** JSON in which nothing can drive a terminal: what JSON leaves raw is escaped too, which changes no value. */
export function safeJson(value: unknown, indent?: number): string {
  return (JSON.stringify(value, null, indent) ?? 'null').replace(UNPRINTABLE, (character) =>
    character === '\n' ? '\n' : escaped(character),
  )
}

function graphemeWidth(grapheme: string): number {
  if (ZERO_WIDTH.test(grapheme)) return 0
  return WIDE.test(grapheme) || EMOJI.test(grapheme) ? 2 : 1
}

/** As JSON spells a character: each of its UTF-16 units by itself. */
function escaped(character: string): string {
  return character
    .split('')
    .map((unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)
    .join('')
}

function spelt(character: string): string {
  return `\\u{${character.codePointAt(0)!.toString(16)}}`
}

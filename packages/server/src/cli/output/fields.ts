import type { Output } from './output.ts'
import { displayWidth, pad, wrap } from './text.ts'

/** A label and what stands behind it. Null: the line is left out. */
export type Field = readonly [label: string, value: string | null]

/** Labels and values one below the other, long values broken into lines that fit. */
export function fieldLines(output: Output, fields: readonly Field[]): string {
  const shown = fields.filter((field): field is readonly [string, string] => field[1] !== null)
  const indent = 2 + Math.max(...shown.map(([label]) => displayWidth(label))) + 2
  const room = Math.max(20, (output.width ?? Number.MAX_SAFE_INTEGER) - indent)
  return shown
    .map(([label, value]) => {
      const [first = '', ...rest] = wrap(value, room)
      const start = `  ${output.style('faint', pad(label, indent - 4))}  ${first}`
      return [start, ...rest.map((line) => ' '.repeat(indent) + line)].join('\n')
    })
    .join('\n')
}

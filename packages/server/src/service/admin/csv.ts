/** One value of a line: numbers as they are, null as nothing. */
export type Cell = string | number | null

/**
 * A line of comma-separated values as RFC 4180 has it. Text that a spreadsheet would take for a formula gets an
 * apostrophe before it, which makes it text: usernames and user agents are written by strangers.
 */
export function csvLine(cells: readonly Cell[]): string {
  return `${cells.map(cellText).join(',')}\r\n`
}

const FORMULA = /^[=+\-@\t\r\n]/
const SPECIAL = /[",\r\n]/

function cellText(cell: Cell): string {
  if (cell === null) return ''
  if (typeof cell === 'number') return String(cell)
  const text = FORMULA.test(cell) ? `'${cell}` : cell
  return SPECIAL.test(text) ? `"${text.replaceAll('"', '""')}"` : text
}

import { isMet, judged } from './findings.ts'
import type { Comparison, Disturbance, Figure, Finding } from './findings.ts'
import type { Spread } from './harness.ts'

/** The findings as Markdown, the comparisons first. */
export function renderFindings(findings: readonly Finding[]): string {
  const tables = [
    renderTable(
      ['sessions', 'operation', 'ours, µs', 'raw, µs', 'ratio', 'target', ''],
      findings.filter((finding) => finding.kind === 'comparison').map(comparisonRow),
    ),
    renderTable(
      ['sessions', 'during cleanup', 'quiet p50 · p99, µs', 'busy p50 · p99, µs', 'p99 ratio', 'target', ''],
      findings.filter((finding) => finding.kind === 'disturbance').map(disturbanceRow),
    ),
    renderTable(
      ['sessions', 'figure', 'value', 'target', ''],
      findings.filter((finding) => finding.kind === 'figure').map(figureRow),
    ),
  ]
  return tables.filter((table) => table !== '').join('\n\n')
}

function comparisonRow(finding: Comparison): readonly string[] {
  const { size, subject, ours, raw, ratio, atMost } = finding
  return [
    powerOfTen(size),
    subject,
    withQuartiles(ours),
    withQuartiles(raw),
    withQuartiles(ratio),
    limit(atMost),
    word(finding),
  ]
}

function disturbanceRow(finding: Disturbance): readonly string[] {
  const { size, subject, quiet, busy, atMost } = finding
  return [
    powerOfTen(size),
    subject,
    `${shown(quiet.p50)} · ${shown(quiet.p99)}`,
    `${shown(busy.p50)} · ${shown(busy.p99)}`,
    shown(judged(finding)),
    limit(atMost),
    word(finding),
  ]
}

function figureRow(finding: Figure): readonly string[] {
  const { size, subject, value, unit, atMost } = finding
  return [powerOfTen(size), subject, `${shown(value)} ${unit}`.trimEnd(), limit(atMost), word(finding)]
}

function renderTable(head: readonly string[], rows: readonly (readonly string[])[]): string {
  if (rows.length === 0) return ''
  const widths = head.map((title, column) => Math.max(title.length, ...rows.map((row) => row[column]!.length)))
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell, column) => cell.padEnd(widths[column]!)).join(' | ')} |`
  return [line(head), line(widths.map((width) => '-'.repeat(width))), ...rows.map(line)].join('\n')
}

function withQuartiles({ low, median, high }: Spread): string {
  return `${shown(median)} (${shown(low)}–${shown(high)})`
}

function shown(value: number): string {
  if (Number.isInteger(value)) return value.toLocaleString('en')
  const digits = Math.abs(value) >= 100 ? 0 : Math.abs(value) >= 10 ? 1 : 2
  return value.toLocaleString('en', { minimumFractionDigits: digits, maximumFractionDigits: digits })
}

function limit(atMost: number | null): string {
  return atMost === null ? '' : `≤ ${shown(atMost)}`
}

function word(finding: Finding): string {
  const met = isMet(finding)
  return met === null ? '' : met ? 'met' : 'MISSED'
}

function powerOfTen(size: number): string {
  const power = Math.log10(size)
  return Number.isInteger(power) ? `10^${power}` : size.toLocaleString('en')
}

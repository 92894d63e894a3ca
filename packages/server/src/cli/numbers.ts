import { wrongUsage } from './failure.ts'

/** A whole number above 0, for an option that counts. */
export function wholeNumber(text: string): number {
  const number = /^\d{1,15}$/.test(text) ? Number(text) : 0
  if (number < 1) throw wrongUsage(`'${text.slice(0, 40)}' is no count; give a whole number from 1 on`)
  return number
}

/** Hours above 0, whole or not, up to a hundred years. */
export function hours(text: string): number {
  const number = /^[\d.]+(?:e[+-]?\d+)?$/i.test(text) ? Number(text) : 0
  if (!(number > 0 && number <= 876_600)) {
    throw wrongUsage(`'${text.slice(0, 40)}' is no number of hours; give a positive number such as 24 or 0.5`)
  }
  return number
}

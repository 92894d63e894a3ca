import type { DatabaseUrl } from '../database-url.ts'
import { wrongUsage } from '../failure.ts'

/** Whether something is on that the settings of a URL may switch, or as it is where they do not. */
export function isOn(
  url: Exclude<DatabaseUrl, { readonly kind: 'sqlite' }>,
  name: string,
  otherwise: boolean,
): boolean {
  const value = url.settings[name]
  if (value !== undefined && value !== 'on' && value !== 'off') {
    throw wrongUsage(`${name} in the ${url.kind} URL is neither on nor off`)
  }
  return value === undefined ? otherwise : value === 'on'
}

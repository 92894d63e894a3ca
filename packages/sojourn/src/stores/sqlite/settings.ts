import { SojournError } from '../../core/errors.ts'

/** What every connection must say of itself, so that what is acknowledged is durable and what belongs together goes together. */
export const REQUIRED_SETTINGS = {
  journal_mode: 'wal',
  synchronous: 2,
  foreign_keys: 1,
  trusted_schema: 0,
} as const satisfies Record<string, string | number>

/** A setting as it was read back. */
export type Settings = Readonly<Record<string, string | number | boolean>>

/**
 * Whether an SQLite release can lose committed writes when several connections write to one file in WAL mode
 * ("WAL reset"): 3.7.0 to 3.51.2, but for 3.44.6 and later 3.44s and 3.50.7 and later 3.50s.
 */
export function hasWalResetFault(version: string): boolean {
  const [major = 0, minor = 0, patch = 0] = version.split('.').map(Number)
  if (major !== 3) return major < 3
  if (minor === 44) return patch < 6
  if (minor === 50) return patch < 7
  if (minor === 51) return patch < 3
  return minor >= 7 && minor < 51
}

/** The names of the settings that would break a promise, given how they read back. */
export function unsafeSettings(settings: Settings, isInMemory: boolean): readonly string[] {
  const unsafe = Object.entries(REQUIRED_SETTINGS)
    .filter(([name, wanted]) => settings[name] !== wanted && !(isInMemory && name === 'journal_mode'))
    .map(([name]) => name)
  return !isInMemory && hasWalResetFault(String(settings['sqlite_version'])) ? [...unsafe, 'sqlite_version'] : unsafe
}

/** Throws `unsafe_settings` for the first setting that is unsafe and was not allowed by name. */
export function assertSafe(
  settings: Settings,
  unsafe: readonly string[],
  allowed: readonly string[],
  path: string,
): void {
  const name = unsafe.find((each) => !allowed.includes(each))
  if (name === undefined) return
  const found = `database '${path}' runs with ${name} ${String(settings[name])}`
  throw new SojournError(
    'unsafe_settings',
    name === 'sqlite_version'
      ? `${found}, which can lose committed writes; use a Node with SQLite 3.51.3 or newer, or allow it by name in allowUnsafe`
      : `${found} and ${String(REQUIRED_SETTINGS[name as keyof typeof REQUIRED_SETTINGS])} is needed; ` +
          'put the file on a local disk, or allow it by name in allowUnsafe',
  )
}

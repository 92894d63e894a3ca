import { SojournError, shown } from './errors.ts'

/** What is known of the device a session lives on. */
export interface Device {
  /** The client's address as the application saw it, or null. */
  readonly ip: string | null
  /** The user agent as sent, at most 512 characters, or null. */
  readonly userAgent: string | null
  /** What a person calls it: "Firefox on Windows", "curl", "unknown device". A hint from the user agent, no proof. */
  readonly label: string
}

/** What an application hands over with a login or a validation. Anything left out is simply not known. */
export interface DeviceInput {
  readonly ip?: string | null | undefined
  readonly userAgent?: string | null | undefined
}

const USER_AGENT_LIMIT = 512
const IP_LIMIT = 64
const REMEMBERED_LABELS = 1_000

/** First match wins: names that impersonate others come before those they impersonate. */
const BROWSERS: readonly (readonly [pattern: RegExp, name: string])[] = [
  [/\b(?:Googlebot|bingbot|DuckDuckBot|YandexBot|Applebot)\b/i, 'Bot'],
  [/\bElectron\//, 'Desktop app'],
  [/\bEdg(?:e|A|iOS)?\//, 'Edge'],
  [/\b(?:OPR|Opera|OPT)\//, 'Opera'],
  [/\bVivaldi\//, 'Vivaldi'],
  [/\bSamsungBrowser\//, 'Samsung Internet'],
  [/\bYaBrowser\//, 'Yandex Browser'],
  [/\b(?:Firefox|FxiOS)\//, 'Firefox'],
  [/\b(?:HeadlessChrome|Chrome|CriOS|Chromium)\//, 'Chrome'],
  [/\bVersion\/[\d.]+.*\bSafari\//, 'Safari'],
]
const SYSTEMS: readonly (readonly [pattern: RegExp, name: string])[] = [
  [/\biPhone\b/, 'iPhone'],
  [/\biPad\b/, 'iPad'],
  [/\bAndroid\b/, 'Android'],
  [/\bWindows\b/, 'Windows'],
  [/\bCrOS\b/, 'ChromeOS'],
  [/\bMac OS X\b|\bMacintosh\b/, 'macOS'],
  [/\bLinux\b|\bX11\b/, 'Linux'],
]
/** A program that names itself first, as in `curl/8.5.0` or `okhttp/4.12.0`. */
const PROGRAM = /^([A-Za-z][\w.-]{0,30})\//

const labels = new Map<string, string>()

/** The name a person would give the device behind a user agent. */
export function deviceLabel(userAgent: string | null): string {
  if (userAgent === null || userAgent === '') return 'unknown device'
  const known = labels.get(userAgent)
  if (known !== undefined) return known
  if (labels.size >= REMEMBERED_LABELS) labels.clear()
  const label = describe(userAgent.slice(0, USER_AGENT_LIMIT))
  labels.set(userAgent, label)
  return label
}

/** A user agent as it is kept: at most 512 characters, never half a character. Throws `invalid_argument` for what is no text. */
export function keptUserAgent(userAgent: string | null | undefined): string | null {
  return given(userAgent, 'device.userAgent')?.slice(0, USER_AGENT_LIMIT).toWellFormed() ?? null
}

/** An address as it is kept, or null when there is none or it is longer than any address. Throws `invalid_argument` for what is no text. */
export function keptIp(ip: string | null | undefined): string | null {
  const address = given(ip, 'device.ip')
  return address === null || address.length > IP_LIMIT ? null : address.toWellFormed()
}

function given(value: unknown, name: string): string | null {
  if (value === undefined || value === null || value === '') return null
  if (typeof value === 'string') return value
  throw new SojournError('invalid_argument', `${name} is ${shown(value)}; give text, or null when it is not known`)
}

function describe(userAgent: string): string {
  const browser = BROWSERS.find(([pattern]) => pattern.test(userAgent))?.[1]
  const system = SYSTEMS.find(([pattern]) => pattern.test(userAgent))?.[1]
  if (browser !== undefined) return system === undefined ? browser : `${browser} on ${system}`
  const program = PROGRAM.exec(userAgent)?.[1]
  if (program !== undefined && program !== 'Mozilla') return program
  return system === undefined ? 'unknown device' : `App on ${system}`
}

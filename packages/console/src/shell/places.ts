import type { IconName } from '../ui/icons.tsx'

/** Where one can go, in the order of the navigation. `key` follows `g`. */
export const PLACES = [
  { to: '/', name: 'Overview', icon: 'overview', key: 'o' },
  { to: '/sessions', name: 'Sessions', icon: 'sessions', key: 's' },
  { to: '/users', name: 'Users', icon: 'users', key: 'u' },
  { to: '/audit', name: 'Audit', icon: 'audit', key: 'a' },
  { to: '/health', name: 'Health', icon: 'health', key: 'h' },
  { to: '/keys', name: 'Keys', icon: 'keys', key: 'k' },
] as const satisfies readonly {
  readonly to: string
  readonly name: string
  readonly icon: IconName
  readonly key: string
}[]

import type { Scope } from '../../api/types.ts'

/** What a key may do, and what that means for whoever gives it away. */
export const SCOPES: readonly { readonly scope: Scope; readonly means: string }[] = [
  { scope: 'read', means: 'See sessions, users, history and figures.' },
  { scope: 'revoke', means: 'End sessions, one or all of them. Does not include read.' },
  {
    scope: 'manage',
    means: 'Disable users, change roles, clean up, create and revoke keys. Does not include the others.',
  },
]

/** How long a key may be good for. */
export const LIFETIMES: readonly { readonly value: string; readonly name: string }[] = [
  { value: '7d', name: '7 days' },
  { value: '30d', name: '30 days' },
  { value: '90d', name: '90 days' },
  { value: '365d', name: '1 year' },
]

export const DEFAULT_LIFETIME = '90d'

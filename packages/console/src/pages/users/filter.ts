import type { AdminUser } from '../../api/types.ts'

/** Which users; all of it is in the address of the page. An empty string asks for nothing. */
export interface UserFilter {
  readonly text: string
  readonly state: keyof typeof STATES
  readonly role: AdminUser['role'] | ''
}

/** Whether a user may sign in. */
export const STATES = { all: 'All', active: 'May sign in', disabled: 'Disabled' } as const

export const ROLES = { '': 'All', user: 'Users', operator: 'Operators' } as const

export const EVERYBODY: UserFilter = { text: '', state: 'all', role: '' }

/** The filter in an address. What it does not understand it leaves out. */
export function readFilter(search: Readonly<Record<string, unknown>>): UserFilter {
  const [state, role] = [text(search['state']), text(search['role'])]
  return {
    text: text(search['text']),
    state: state === 'active' || state === 'disabled' ? state : 'all',
    role: role === 'user' || role === 'operator' ? role : '',
  }
}

/** The filter in the address of the page. */
export interface UserSearch {
  readonly text?: string | undefined
  readonly state?: string | undefined
  readonly role?: string | undefined
  /** The id of the user who is looked at closely. */
  readonly user?: string | undefined
}

/** The same as an address has it; undefined where nothing is asked for. */
export function writeFilter({ text: mentioned, state, role }: UserFilter): UserSearch {
  return {
    text: mentioned || undefined,
    state: state === 'all' ? undefined : state,
    role: role || undefined,
  }
}

/** What the service is asked. */
export function filterQuery({ text: mentioned, state, role }: UserFilter): Readonly<Record<string, string>> {
  return { ...(mentioned !== '' && { text: mentioned }), state, ...(role !== '' && { role }) }
}

/** Whether anybody is left out. */
export function isFiltered(filter: UserFilter): boolean {
  return filter.text !== '' || filter.state !== 'all' || filter.role !== ''
}

/** Whoever writes an address by hand may write a number. */
function text(value: unknown): string {
  return typeof value === 'string' || typeof value === 'number' ? String(value).trim() : ''
}

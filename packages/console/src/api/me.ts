import { queryOptions, useQuery } from '@tanstack/react-query'
import { request } from './client.ts'
import type { AdminSession, AdminUser } from './types.ts'

/** The operator who looks at the console. */
export interface Me {
  readonly user: AdminUser
  readonly session: AdminSession
  readonly isRecent: boolean
}

/** The question who is asking. */
export const ME = queryOptions({
  queryKey: ['me'],
  queryFn: ({ signal }) => request<Me>('/admin/me', { signal }),
  staleTime: 60_000,
})

/** Who is asking. */
export function useMe() {
  return useQuery(ME)
}

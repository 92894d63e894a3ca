import type { ApiKeyScope } from 'sojourn/auth'

/** What an operation below `/admin` asks of whoever calls it. */
export interface Access {
  /** What a key must be allowed to do. An operator may do everything. */
  readonly scope: ApiKeyScope
  /** Whether an operator must have proved who they are within the last ten minutes. A key proves it with each call. */
  readonly isRecent?: true
  /** Whether it is about the operator's own session, which a key has not. */
  readonly isPersonal?: true
}

/** Everything there is below `/admin`, and what is asked of whom. What is not in here is not there. */
export const ACCESS = {
  'GET /admin/me': { scope: 'read', isPersonal: true },
  'GET /admin/sessions': { scope: 'read' },
  'GET /admin/sessions/count': { scope: 'read' },
  'GET /admin/sessions/{id}': { scope: 'read' },
  'POST /admin/sessions/revoke': { scope: 'revoke', isRecent: true },
  'GET /admin/users': { scope: 'read' },
  'GET /admin/users/{id}': { scope: 'read' },
  'POST /admin/users/{id}/revoke': { scope: 'revoke', isRecent: true },
  'POST /admin/users/{id}/disable': { scope: 'manage', isRecent: true },
  'POST /admin/users/{id}/enable': { scope: 'manage', isRecent: true },
  'POST /admin/users/{id}/role': { scope: 'manage', isRecent: true },
  'GET /admin/stats': { scope: 'read' },
  'GET /admin/overview': { scope: 'read' },
  'GET /admin/health': { scope: 'read' },
  'GET /admin/events': { scope: 'read' },
  'GET /admin/events/export': { scope: 'read' },
  'GET /admin/events/stream': { scope: 'read' },
  'POST /admin/cleanup': { scope: 'manage', isRecent: true },
  'GET /admin/keys': { scope: 'manage' },
  'POST /admin/keys': { scope: 'manage', isRecent: true },
  'DELETE /admin/keys/{id}': { scope: 'manage', isRecent: true },
} as const satisfies Readonly<Record<`${Method} /admin/${string}`, Access>>

/** The methods that are used below `/admin`. */
export type Method = 'GET' | 'POST' | 'DELETE'

/** One of the operations below `/admin`, by its method and path. */
export type Operation = keyof typeof ACCESS

/** The methods there are at a path that a request asks for; none where there is nothing. */
export function methodsAt(path: string): readonly string[] {
  return PATHS.filter(({ pattern }) => pattern.test(path)).flatMap(({ method }) =>
    method === 'GET' ? ['GET', 'HEAD'] : [method],
  )
}

/** Method and path of an operation, the path as OpenAPI has it. */
export function partsOf(operation: Operation): { readonly method: Method; readonly path: string } {
  const [method, path] = operation.split(' ') as [Method, string]
  return { method, path }
}

const PATHS = (Object.keys(ACCESS) as readonly Operation[]).map((operation) => {
  const { method, path } = partsOf(operation)
  return { method, pattern: new RegExp(`^${path.replaceAll(/\{\w+\}/g, '[^/]+')}$`) }
})

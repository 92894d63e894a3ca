import { endOne, endOthers, listMine, verify, whoAmI } from './my-sessions.ts'
import { changePassword, reauthenticate } from './proof.ts'
import type { Host } from './settings.ts'
import { login, logout, register } from './sign-in.ts'
import type { Handler } from './visit.ts'

/** What answers which method. */
export type Methods = ReadonlyMap<string, Handler>

/** What answers at a path: one handler for each method, or forward-auth, which a proxy may ask with any. */
export type Route = Methods | Handler

const VERIFY = /^\/verify(?:\/|$)/
const ONE_SESSION = /^\/sessions\/([^/]+)$/

/** Every route below the prefix whose path is always the same. */
export function routesOf({ auth, hasRegistration }: Host): ReadonlyMap<string, Methods> {
  const routes = new Map<string, Methods>([
    ['/logout', new Map([['POST', logout]])],
    ['/session', new Map([['GET', whoAmI]])],
    [
      '/sessions',
      new Map([
        ['GET', listMine],
        ['DELETE', endOthers],
      ]),
    ],
  ])
  if (auth === null) return routes
  if (hasRegistration) routes.set('/register', new Map([['POST', register(auth)]]))
  return routes
    .set('/login', new Map([['POST', login(auth)]]))
    .set('/reauthenticate', new Map([['POST', reauthenticate(auth)]]))
    .set('/password', new Map([['POST', changePassword(auth)]]))
}

/** What answers at a path below the prefix. Paths are compared as they are: nothing is decoded or tidied up. */
export function routeAt(routes: ReadonlyMap<string, Methods>, path: string): Route | undefined {
  if (VERIFY.test(path)) return verify
  const id = ONE_SESSION.exec(path)?.[1]
  return id === undefined ? routes.get(path) : new Map([['DELETE', endOne(id)]])
}

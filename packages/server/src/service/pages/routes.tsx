import { Hono } from 'hono'
import { problemOf } from 'sojourn/http'
import type { Env } from '../env.ts'
import type { Service } from '../service.ts'
import { accountRoutes } from './account.tsx'
import { problemIn } from './ask.ts'
import { assetRoutes } from './asset-files.ts'
import { deviceRoutes } from './devices.tsx'
import { respondProblem } from './page.tsx'
import { signInRoutes } from './sign-in.tsx'

/**
 * The pages for everyone: sign in, register, your devices, change the password; and the set-up of the first operator.
 * They need no script. What they do is done by the routes below `/auth`, so that every rule is in one place.
 */
export function pageRoutes(service: Service): Hono<Env> {
  const app = new Hono<Env>()
  app.onError(async (error) => {
    const response = problemOf(error)
    if (response.status >= 500) service.log.error({ err: error }, 'a page could not be shown')
    return respondProblem(await problemIn(response), service.sessions.now())
  })
  app.route('/', assetRoutes())
  app.route('/', signInRoutes(service))
  app.route('/', accountRoutes(service))
  app.route('/', deviceRoutes(service))
  return app
}

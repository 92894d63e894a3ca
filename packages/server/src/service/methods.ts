import type { Hono } from 'hono'
import type { Env } from './env.ts'

/** The methods that something answers at a path, as they stand in `Allow`; none where nothing does. */
export function methodsAt(app: Hono<Env>, path: string): readonly string[] {
  const methods = app.routes
    .filter(({ method, path: template }) => method !== 'ALL' && patternOf(template).test(path))
    .flatMap(({ method }) => (method === 'GET' ? ['GET', 'HEAD'] : [method]))
  return [...new Set(methods)]
}

/** A template of Hono's, such as `/users/:id` or `/console/*`, as a pattern of paths. */
function patternOf(template: string): RegExp {
  const steps = template
    .split('/')
    .map((step) => (step === '*' ? '.*' : step.startsWith(':') ? '[^/]+' : step.replace(/[^\w-]/g, '\\$&')))
  return new RegExp(`^${steps.join('/')}$`)
}

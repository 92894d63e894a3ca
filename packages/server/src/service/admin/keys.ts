import { z } from '@hono/zod-openapi'
import { API_KEY_SCOPES } from 'sojourn/auth'
import { answer, problem } from 'sojourn/http'
import type { Service } from '../service.ts'
import type { AdminApi } from './api.ts'
import { textParameter } from './query.ts'
import { ApiKey, Scope } from './schemas.ts'
import { keyView } from './views.ts'

const LONGEST_DAYS = 365

const NewKey = z
  .strictObject({
    name: textParameter
      .max(100)
      .regex(/\S/)
      .regex(/^[^\p{C}\p{Zl}\p{Zp}]+$/u)
      .openapi({
        description: 'The program that will use it, as history shows it.',
        example: 'nightly report',
      }),
    scopes: z.array(Scope).min(1).max(API_KEY_SCOPES.length),
    expiresIn: z
      .string()
      .regex(/^[1-9]\d{0,3}[hd]$/)
      .refine(isShortEnough, 'is longer than 365 days')
      .default('90d')
      .openapi({ description: 'Hours or days, at most 365 days.', example: '90d' }),
  })
  .openapi('NewKey')

/** `/admin/keys`: keys of programs. */
export function keyRoutes(api: AdminApi, { keys }: Service): void {
  api.add(
    'GET /admin/keys',
    {
      summary: 'Every key, newest first',
      tag: 'Keys',
      answer: z.strictObject({ keys: z.array(ApiKey) }),
    },
    async () => ({ keys: (await keys.list()).map(keyView) }),
  )

  api.add(
    'POST /admin/keys',
    {
      summary: 'Make a key',
      description: '`secret` is shown this once. A key makes no key with a scope that it has not itself.',
      tag: 'Keys',
      body: NewKey,
      status: 201,
      answer: z.strictObject({ key: ApiKey, secret: z.string() }),
    },
    async ({ caller, body: { name, scopes, expiresIn } }) => {
      if (caller.kind === 'key' && !scopes.every((scope) => caller.key.scopes.includes(scope))) {
        return problem('insufficient_scope', { detail: 'a key makes no key with a scope that it has not itself' })
      }
      const issued = await keys.create({ name, scopes, expiresIn, createdBy: caller.actor })
      return { key: keyView(issued.key), secret: issued.secret }
    },
  )

  api.add(
    'DELETE /admin/keys/{id}',
    {
      summary: 'Revoke a key',
      description: 'It is refused from its very next request. A key that was revoked before stays so.',
      tag: 'Keys',
      status: 204,
      problems: ['not_found'],
    },
    async ({ caller, id }) => {
      if (await keys.revoke(id, { actor: caller.actor })) return done()
      return (await keys.get(id)) === null ? problem('not_found') : done()
    },
  )
}

function isShortEnough(text: string): boolean {
  const amount = Number(text.slice(0, -1))
  return text.endsWith('h') ? amount <= LONGEST_DAYS * 24 : amount <= LONGEST_DAYS
}

function done(): Response {
  return answer(204, null)
}

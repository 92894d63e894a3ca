/** No answer below /admin, and no line of the log, carries what opens a door. */
import { DatabaseSync } from 'node:sqlite'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { ACCESS, partsOf } from '../../packages/server/src/service/admin/access.ts'
import type { Operation } from '../../packages/server/src/service/admin/access.ts'
import { openService } from '../support/service.ts'
import { keyed, operatorOf } from './admin-client.ts'

test('VIEW-3, LOG-1: neither tokens nor keys nor passwords nor what is kept of them is ever answered or logged', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'sojourn-'))
  const path = join(folder, 'sojourn.db')
  const opened = await openService({ path })
  try {
    const operator = await operatorOf(opened)
    const program = await keyed(opened, 'read', 'revoke', 'manage')
    await opened.auth.registerUser('ada', 'notes upon the analytical engine')
    const issued = await opened.sessions.create({ userId: '1', username: 'edsger' })
    const renewed = await opened.sessions.renew(issued.session.id)
    const answers: string[] = []
    for (const operation of Object.keys(ACCESS) as readonly Operation[]) {
      if (operation === 'GET /admin/events/stream') continue
      const { method, path: template } = partsOf(operation)
      const queries = operation.endsWith('export') ? ['?format=csv', '?format=json'] : ['']
      for (const id of [issued.session.id, '1', program.issued.key.id]) {
        for (const client of [operator, program]) {
          // What ends things is only rehearsed or refused, so that there is something to tell of to the end.
          const body = method === 'POST' ? { filter: {}, dryRun: true } : undefined
          if (method === 'DELETE') continue
          for (const query of queries) {
            const answer = await client.send(method, template.replace('{id}', id) + query, body)
            answers.push(JSON.stringify(answer.body), JSON.stringify([...answer.headers]))
          }
        }
      }
    }
    expect(answers.join()).toContain('edsger')
    const canaries = [
      ...[operator.token, issued.token, renewed.ok ? renewed.token : ''].map((token) => token.split('.')[1]),
      program.issued.secret.split('.')[1],
      'a compiler of her own making',
      'notes upon the analytical engine',
      ...keptSecrets(path),
    ]
    expect(canaries.length).toBeGreaterThan(12)
    for (const canary of canaries) {
      expect(canary?.length).toBeGreaterThan(15)
      expect(answers.filter((text) => text.includes(canary!))).toEqual([])
      expect(opened.lines.filter((text) => text.includes(canary!))).toEqual([])
    }
  } finally {
    await opened.close()
    rmSync(folder, { recursive: true })
  }
})

/** What the database keeps of secrets, in every spelling in which it might slip out. */
function keptSecrets(path: string): readonly string[] {
  using database = new DatabaseSync(path, { readOnly: true })
  const rows = database
    .prepare(
      `SELECT secret_hash AS kept FROM sojourn_sessions UNION ALL SELECT next_hash FROM sojourn_sessions
       UNION ALL SELECT next_salt FROM sojourn_sessions UNION ALL SELECT secret_hash FROM sojourn_api_keys`,
    )
    .all()
  return rows.flatMap(({ kept }) => {
    if (!(kept instanceof Uint8Array)) return []
    const bytes = Buffer.from(kept)
    return (['hex', 'base64', 'base64url'] as const).map((encoding) => bytes.toString(encoding).replace(/=+$/, ''))
  })
}

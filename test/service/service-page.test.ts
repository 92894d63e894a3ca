/** docs/SERVICE.md has every setting and every figure, and no others. */
import { readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { expect, test } from 'vitest'
import { SETTINGS, flagOf, variableOf } from '../../packages/server/src/service/settings.ts'
import { openService } from '../support/service.ts'

const PAGE = readFileSync(join(resolve(import.meta.dirname, '../..'), 'docs/SERVICE.md'), 'utf8')

test('the page has every setting under its three names, and no others', () => {
  const rows = [...PAGE.matchAll(/^\| `(--[\w-]+)` \| `(\w+)` \| `(\w+)` \|/gm)].map(([, ...names]) => names)
  expect(rows).toEqual(Object.keys(SETTINGS).map((name) => [flagOf(name), variableOf(name), name]))
})

test('the page has every figure, and no others', async () => {
  const site = await openService()
  try {
    const text = await (await fetch(`${site.url}/metrics`)).text()
    const exposed = [...text.matchAll(/^# TYPE (\S+)/gm)].map(([, name]) => name)
    const described = [...PAGE.matchAll(/`((?:sojourn|process)_\w+)`/g)].map(([, name]) => name)
    expect(new Set(described)).toEqual(new Set(exposed))
  } finally {
    await site.close()
  }
})

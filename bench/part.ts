import { measureAdmin } from './admin.ts'
import { measureCached } from './cached.ts'
import { measureCleanup } from './cleanup.ts'
import type { Finding } from './findings.ts'
import { buildFixture } from './fixture.ts'
import { measureHttp } from './http.ts'
import { measureLists } from './lists.ts'
import { measureLogins } from './logins.ts'
import type { Part } from './options.ts'
import { measurePostgres } from './postgres.ts'
import { measureRedis } from './redis.ts'
import { measureSpace } from './space.ts'
import { measureValidate } from './validate.ts'

const PARTS: Readonly<Record<Part | 'build', (file: string, size: number) => Promise<readonly Finding[]>>> = {
  build: buildFixture,
  validate: measureValidate,
  lists: measureLists,
  space: measureSpace,
  http: measureHttp,
  admin: measureAdmin,
  logins: measureLogins,
  cleanup: measureCleanup,
  postgres: measurePostgres,
  redis: measureRedis,
  cached: measureCached,
}

const [name, file = '', size] = process.argv.slice(2)
const findings = await PARTS[name as Part](file, Number(size))
process.send?.(findings, () => process.disconnect())

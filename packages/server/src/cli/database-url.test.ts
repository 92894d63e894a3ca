import { resolve } from 'node:path'
import { expect, test } from 'vitest'
import { databasePath, databaseUrl } from './database-url.ts'

test.each([
  ['sqlite:./app.db', resolve('app.db')],
  ['sqlite:app.db', resolve('app.db')],
  ['sqlite:/data/app.db', '/data/app.db'],
  ['sqlite:///data/app.db', '/data/app.db'],
  ['SQLITE:///data/app.db', '/data/app.db'],
  ['sqlite://app.db', resolve('app.db')],
  ['./app.db', resolve('app.db')],
  ['/data/my app?.db', '/data/my app?.db'],
  ['C:app.db', resolve('C:app.db')],
  ['sqlite::memory:', ':memory:'],
  [':memory:', ':memory:'],
])('%s is %s', (url, path) => {
  expect(databasePath(url)).toBe(path)
})

test('another kind of database is named and its password is not', () => {
  expect(() => databasePath('postgres://ada:hunter2@db/app')).toThrow(/'postgres:'(?!.*hunter2)/)
})

test.each([
  ['', /empty/],
  ['sqlite:', /names no file/],
  ['sqlite:./app.db?mode=ro', /after '\?'/],
])("'%s' is refused with a sentence", (url, sentence) => {
  expect(() => databasePath(url)).toThrow(sentence)
})

test.each([
  ['postgres://ada:hunter2@db:5433/app', 'postgres://ada@db:5433/app', true],
  ['postgresql://ada@db/app?sslmode=verify-full', 'postgres://ada@db/app', false],
  ['postgres://db/app?password=hunter2', 'postgres://db/app', true],
  ['postgres://ada@%2Frun%2Fpostgres/app', 'postgres://ada@%2Frun%2Fpostgres/app', false],
  ['redis://:hunter2@cache', 'redis://cache:6379', true],
  ['redis://ada:hunter%402@cache:7000/2?prefix=app:', 'redis://ada@cache:7000/2', true],
  ['rediss://cache', 'rediss://cache:6379', false],
  ['redis+cluster://ada:hunter2@a:1,b', 'redis+cluster://ada@a:1,b:6379', true],
  ['sqlite:/data/app.db', '/data/app.db', false],
])('%s is shown as %s', (url, place, hasPassword) => {
  expect(databaseUrl(url)).toMatchObject({ place, hasPassword })
})

test('a password may have any signs, and reaches nobody but the driver', () => {
  const url = databaseUrl('redis://ada:a%3Ab%2F%40%25@cache')
  expect(url).toMatchObject({ username: 'ada', password: 'a:b/@%', nodes: ['cache:6379'], isCluster: false })
})

test('our settings of a URL are taken out of it, and those of the driver left in', () => {
  const url = databaseUrl(
    'postgres://ada@db/app?sslmode=verify-full&pool=20&prepare=off&deadline=5s&allow-unsafe=fsync&hints=on',
  )
  expect(url).toMatchObject({
    connection: 'postgres://ada@db/app?sslmode=verify-full',
    settings: { pool: '20', prepare: 'off', deadline: '5s', 'allow-unsafe': 'fsync', hints: 'on' },
  })
})

test.each([
  ['mysql://ada:hunter2@db/app', /'mysql:' are not known/],
  ['postgres://ada:hunter2@', /postgres URL is not understood/],
  ['postgres://ada:hunter2@db', /postgres URL is not understood/],
  ['postgres://ada:hunter2%@db/app', /postgres URL is not understood/],
  ['redis://ada:hunter2@', /redis URL is not understood/],
  ['redis://ada:hunter2@a,b', /several hosts; begin it with redis\+cluster/],
  ['redis+cluster://ada:hunter2@a/3', /only database 0/],
  ['redis://a?password=hunter2', /setting after '\?'/],
  ['redis://ada:hunter2@a/b/c', /redis URL is not understood/],
])('%s is refused with a sentence, without what stands in it', (url, sentence) => {
  expect(() => databaseUrl(url)).toThrow(sentence)
  expect(() => databaseUrl(url)).toThrow(/^(?!.*hunter2)/)
})

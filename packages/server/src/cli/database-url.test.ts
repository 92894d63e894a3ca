import { resolve } from 'node:path'
import { expect, test } from 'vitest'
import { databasePath } from './database-url.ts'

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

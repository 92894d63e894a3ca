import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vitest/config'

const ROOT = fileURLToPath(new URL('.', import.meta.url))

export default defineConfig({
  resolve: { alias: sourcesOfTheLibrary() },
  test: {
    include: ['packages/*/src/**/*.test.ts', '{test,tools,bench,examples,docs}/**/*.test.ts'],
    environment: 'node',
    // Forks, because tests start processes, change folders and raise signals; two, because so many cores are promised.
    pool: 'forks',
    maxWorkers: 2,
    testTimeout: 30_000,
    hookTimeout: 30_000,
    // A browser takes its time on a machine that is busy.
    expect: { poll: { timeout: 30_000 } },
    // Far from UTC and half an hour off the full hour, so that local time leaking into an answer is seen.
    env: { TZ: 'Asia/Kolkata' },
    reporters: ['default'],
  },
})

/** What the export map of the library promises, pointed at the sources: a test never runs what was built before the last edit. */
function sourcesOfTheLibrary(): { find: RegExp; replacement: string }[] {
  const { exports } = JSON.parse(readFileSync(`${ROOT}packages/sojourn/package.json`, 'utf8')) as {
    exports: Record<string, string | { default: string }>
  }
  return Object.entries(exports).flatMap(([subpath, target]) => {
    if (typeof target === 'string') return []
    const source = target.default.replace(/^\.\/dist\/(.*)\.js$/, 'packages/sojourn/src/$1.ts')
    const find = new RegExp(`^sojourn${subpath.slice(1)}$`)
    return [{ find, replacement: ROOT + source }]
  })
}

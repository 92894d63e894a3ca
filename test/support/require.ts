import type { TestContext } from 'vitest'

/** Set to `all` where every engine is promised to be there, as in CI: what is missing then fails instead of skipping. */
const REQUIRED = 'SOJOURN_TEST_REQUIRE'

const told = new Set<string>()

/**
 * What a test needs of the machine: an engine, a browser, a registry. Answers with what was found; when that is
 * null the test is skipped, and the run says once a file what was missing.
 *
 * Call it first thing in the test, or in `beforeEach` for a whole group.
 */
export function required<T>(context: Pick<TestContext, 'skip'>, name: string, found: T | null): T {
  if (found !== null) return found
  if (process.env[REQUIRED] === 'all') {
    throw new Error(`this machine has no ${name}, and ${REQUIRED}=all asks for it; install it or unset ${REQUIRED}`)
  }
  if (!told.has(name)) console.warn(`skipped: this machine has no ${name}`)
  told.add(name)
  return context.skip(`needs ${name}`)
}

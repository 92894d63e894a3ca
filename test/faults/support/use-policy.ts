/** What `use-load.ts` does, for whoever looks at what it left. */
export const USE_POLICY = { idleTimeout: '10m', absoluteLifetime: '15m', touchInterval: '1m' } as const
export const VISITORS = 20
/** The longest that its clock moves at once, in milliseconds. */
export const LONGEST_STEP = 15_000
/** No visitor stays away for longer than this and one step, in milliseconds. */
export const LONGEST_PAUSE = 40_000

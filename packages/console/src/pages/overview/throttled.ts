import { useCallback, useEffect, useRef } from 'react'

/** A function that does its deed at once, and then at most once in so many milliseconds: never never, never more often. */
export function useThrottled(deed: () => void, every: number): () => void {
  const latest = useRef(deed)
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined)
  const isAskedAgain = useRef(false)
  useEffect(() => {
    latest.current = deed
  })
  useEffect(
    () => () => {
      clearTimeout(timer.current)
      timer.current = undefined
    },
    [],
  )

  return useCallback(() => {
    if (timer.current !== undefined) {
      isAskedAgain.current = true
      return
    }
    const run = (): void => {
      latest.current()
      timer.current = setTimeout(() => {
        timer.current = undefined
        if (!isAskedAgain.current) return
        isAskedAgain.current = false
        run()
      }, every)
    }
    run()
  }, [every])
}

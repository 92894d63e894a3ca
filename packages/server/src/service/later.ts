import type { Clock } from 'sojourn'

/** Calls a task once after so many milliseconds, by the clock's own timers where it has some; returns how to cancel it. Keeps no process alive. */
export function later(clock: Clock | undefined, milliseconds: number, task: () => void): () => void {
  if (clock?.after !== undefined) return clock.after(milliseconds, task)
  const timer = setTimeout(task, milliseconds).unref()
  return () => clearTimeout(timer)
}

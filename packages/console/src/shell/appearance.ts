import { useSyncExternalStore } from 'react'

/** How the console looks: as the reader's system has it, or as the reader chose. */
export type Appearance = 'system' | 'light' | 'dark'

const KEY = 'sojourn-appearance'
const listeners = new Set<() => void>()
let chosen = kept()
show(chosen)

/** The choice, and how to make another. It is kept in this browser. */
export function useAppearance(): readonly [Appearance, (appearance: Appearance) => void] {
  const appearance = useSyncExternalStore(subscribe, () => chosen)
  return [appearance, choose]
}

function choose(appearance: Appearance): void {
  chosen = appearance
  show(appearance)
  try {
    localStorage.setItem(KEY, appearance)
  } catch {
    // A browser that keeps nothing forgets this, too.
  }
  for (const listener of listeners) listener()
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener)
  return () => listeners.delete(listener)
}

function show(appearance: Appearance): void {
  const { dataset } = document.documentElement
  if (appearance === 'system') delete dataset['theme']
  else dataset['theme'] = appearance
}

function kept(): Appearance {
  try {
    const text = localStorage.getItem(KEY)
    return text === 'light' || text === 'dark' ? text : 'system'
  } catch {
    return 'system'
  }
}

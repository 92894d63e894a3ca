import { useEffect, useRef, useState } from 'react'
import { useRouter } from '@tanstack/react-router'
import { awaitSearch, focusSearch } from '../ui/search-field.tsx'
import { PLACES } from './places.ts'

/** After `g` the next key says where to. */
const PATIENCE = 1_500
const KEY = 'sojourn-shortcuts'
/** What takes every key for itself. A note at the edge of the page, which has a `data-type`, does not. */
const DIALOGS = '[role=dialog]:not([data-type]), [role=alertdialog], dialog[open]'

export interface Shortcuts {
  readonly areOn: boolean
  readonly setAreOn: (areOn: boolean) => void
}

/** Single keys that work wherever no text is typed. Who speaks to a computer can switch them off. */
export function useShortcuts(onHelp: () => void): Shortcuts {
  const [areOn, setAreOn] = useState(kept)
  const router = useRouter()
  const help = useRef(onHelp)
  useEffect(() => {
    help.current = onHelp
  })
  useEffect(() => {
    if (!areOn) return
    let leapUntil = 0
    function act(event: KeyboardEvent): void {
      if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target)) return
      if (document.querySelector(DIALOGS) !== null) return
      const place = event.timeStamp < leapUntil ? PLACES.find(({ key }) => key === event.key) : undefined
      leapUntil = event.key === 'g' ? event.timeStamp + PATIENCE : 0
      if (place !== undefined) void router.navigate({ to: place.to })
      else if (event.key === '?') help.current()
      else if (event.key === '/') goSearch()
      else return
      event.preventDefault()
    }
    /** A page without a search leads to the one that has it. */
    function goSearch(): void {
      if (focusSearch()) return
      awaitSearch()
      void router.navigate({ to: '/sessions' })
    }
    document.addEventListener('keydown', act)
    return () => document.removeEventListener('keydown', act)
  }, [areOn, router])

  return {
    areOn,
    setAreOn: (next) => {
      setAreOn(next)
      try {
        localStorage.setItem(KEY, next ? 'on' : 'off')
      } catch {
        // A browser that keeps nothing forgets this, too.
      }
    },
  }
}

function isTyping(target: EventTarget | null): boolean {
  return (
    target instanceof HTMLElement &&
    (target.isContentEditable || target.matches('input:not([type=checkbox]), textarea, select'))
  )
}

function kept(): boolean {
  try {
    return localStorage.getItem(KEY) !== 'off'
  } catch {
    return true
  }
}

import { useEffect, useRef, useState } from 'react'
import { Icon } from './icons.tsx'

export interface SearchFieldProps {
  /** What is searched, as a word. */
  readonly what: string
  readonly placeholder: string
  readonly value: string
  readonly onChange: (text: string) => void
  readonly className?: string
}

/** So long after the last key the search begins. */
const PAUSE = 200

/** Searches as one types. `/` leads here from anywhere, Escape empties it. */
export function SearchField({ what, placeholder, value, onChange, className = '' }: SearchFieldProps) {
  const field = useRef<HTMLInputElement>(null)
  const [typed, setTyped] = useState(value)
  // What was asked for last. Another value from outside, such as a link, replaces what is in the field.
  const [known, setKnown] = useState(value)
  if (value !== known) {
    setKnown(value)
    setTyped(value)
  }
  const latest = useRef(onChange)
  useEffect(() => {
    latest.current = onChange
  })
  useEffect(() => {
    const text = typed.trim()
    if (text === known) return
    const timer = setTimeout(() => {
      setKnown(text)
      latest.current(text)
    }, PAUSE)
    return () => clearTimeout(timer)
  }, [typed, known])
  useEffect(() => {
    if (isAwaited) field.current?.focus()
    isAwaited = false
  }, [])

  return (
    <label className={`relative block min-w-0 text-sm ${className}`}>
      <span className="font-semibold">
        Search<span className="sr-only"> {what}</span>
      </span>
      <Icon name="search" className="pointer-events-none absolute bottom-2 left-3 size-5 text-soft" />
      <input
        ref={field}
        type="search"
        value={typed}
        placeholder={placeholder}
        autoComplete="off"
        spellCheck={false}
        maxLength={200}
        onChange={({ target }) => setTyped(target.value)}
        onKeyDown={(event) => {
          if (event.key !== 'Escape') return
          event.preventDefault()
          if (typed === '') field.current?.blur()
          else setTyped('')
        }}
        className="peer mt-1 block h-9 w-full rounded-lg border border-line-strong bg-field pr-9 pl-10 text-base focus-visible:rounded-lg [&::-webkit-search-cancel-button]:hidden"
      />
      <kbd
        aria-hidden="true"
        className="pointer-events-none absolute right-2 bottom-2 hidden h-5 w-5 rounded border border-line text-center text-xs leading-4.5 text-soft peer-placeholder-shown:block peer-focus:hidden"
      >
        /
      </kbd>
    </label>
  )
}

let isAwaited = false

/** Puts the focus into the page's search field. False where it has none. */
export function focusSearch(): boolean {
  const field = document.querySelector<HTMLInputElement>(
    'main input[type=search], main search input:not([type=checkbox])',
  )
  field?.focus()
  field?.select()
  return field !== null
}

/** The next search field that appears takes the focus. */
export function awaitSearch(): void {
  isAwaited = true
}

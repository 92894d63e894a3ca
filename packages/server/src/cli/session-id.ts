import { isSessionId } from 'sojourn'
import type { SessionId } from 'sojourn'
import { notFound } from './failure.ts'

/** The session id that was typed or pasted. Fails with a sentence that says what was found, and never repeats a text that might hold a secret. */
export function sessionIdOf(typed: string): SessionId {
  const id = typed.trim().toLowerCase()
  if (isSessionId(id)) return id
  throw notFound(
    `what was given is no session id: ${findings(typed.trim())}; an id is 36 characters such as '0192f0c1-7a53-7cc4-9a41-5d0c8f3b2e11', and 'sojourn list' shows them`,
  )
}

function findings(text: string): string {
  if (text === '') return 'it is empty'
  if (/\s/.test(text)) return 'there are blanks inside it'
  if (text.length !== 36) return `it has ${text.length} characters`
  return 'it has other characters, or in other places, than an id'
}

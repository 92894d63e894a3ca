import { request } from '../../api/client.ts'
import type { AdminSession } from '../../api/types.ts'

/** Whose sessions are to end: those that were picked, or all that a filter shows. */
export type Doomed =
  | { readonly kind: 'picked'; readonly sessions: readonly AdminSession[] }
  | { readonly kind: 'shown'; readonly where: Readonly<Record<string, string>> }

interface Outcome {
  readonly count: number
}

/** So many ids go with one request. */
const BATCH = 200

/** How many would end. Ends nothing. */
export async function preview(doomed: Doomed): Promise<number> {
  if (doomed.kind === 'shown') return (await revoke({ filter: doomed.where, dryRun: true })).count
  let count = 0
  for (const ids of batches(doomed.sessions)) count += (await revoke({ ids, dryRun: true })).count
  return count
}

/** Ends them, and says how many. `confirmed` is what the operator has seen: if there are more by now, none ends. */
export async function end(
  doomed: Doomed,
  { confirmed, reason }: { confirmed: number; reason: string },
): Promise<number> {
  const why = reason === '' ? {} : { reason }
  if (doomed.kind === 'shown') return (await revoke({ filter: doomed.where, confirm: confirmed, ...why })).count
  let count = 0
  for (const ids of batches(doomed.sessions)) count += (await revoke({ ids, ...why })).count
  return count
}

function revoke(body: object): Promise<Outcome> {
  return request<Outcome>('/admin/sessions/revoke', { method: 'POST', body })
}

function batches(sessions: readonly AdminSession[]): readonly (readonly string[])[] {
  return Array.from({ length: Math.ceil(sessions.length / BATCH) }, (_, place) =>
    sessions.slice(place * BATCH, (place + 1) * BATCH).map(({ id }) => id),
  )
}

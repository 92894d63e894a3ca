/** What went wrong, in the words of the network or the server, without anything that was sent there. */
export function reasonOf(thrown: unknown): string {
  if (!(thrown instanceof Error)) return String(thrown)
  // Where a name has several addresses, each of them has failed.
  if (thrown instanceof AggregateError) return thrown.errors.map(reasonOf).join(', ')
  const code = 'code' in thrown ? String(thrown.code) : thrown.name
  return thrown.message === '' ? code : thrown.message.slice(0, 200)
}

/** Names with commas between them. */
export function namesIn(list: string | undefined): readonly string[] {
  return list === undefined ? [] : list.split(',').filter((name) => name !== '')
}

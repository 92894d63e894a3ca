import { headers } from 'next/headers'
import { sessionOf } from 'sojourn/next'
import { http } from '../sojourn.ts'

// oxlint-disable-next-line import/no-default-export -- Next looks for nothing else
export default async function Page() {
  const { session } = await sessionOf(http, await headers())
  return `Hello, ${session?.username ?? 'whoever you are'}`
}

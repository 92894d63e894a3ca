import { RelativeTime } from './relative-time.tsx'

/** An instant for who looks closely: in relative words and, next to them, exactly. */
export function ExactTime({ at }: { readonly at: string }) {
  return (
    <>
      <RelativeTime at={at} />
      <span className="block text-sm text-soft">{told(at)}</span>
    </>
  )
}

/** `2026-11-24 10:00:00 UTC` */
function told(at: string): string {
  return `${at.slice(0, 10)} ${at.slice(11, 19)} UTC`
}

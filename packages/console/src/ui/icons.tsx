const SHAPES = {
  overview: 'M3 16.5V11m4.7 5.5V6m4.6 10.5v-7M17 16.5v-13',
  sessions: 'M3 4.5h14v8.5H3zM7 16.5h6M10 13v3.5',
  users:
    'M7.5 9a2.75 2.75 0 1 0 0-5.5A2.75 2.75 0 0 0 7.5 9Zm-5 7.5c0-2.8 2.2-4.7 5-4.7s5 1.9 5 4.7M13 3.8a2.75 2.75 0 0 1 0 5M14.5 12.2c1.9.6 3 2.2 3 4.3',
  audit: 'M4.5 3h11v14h-11zM7.5 7h5m-5 3h5m-5 3h3',
  health: 'M2.5 10.5h3.2l2-5.5 4 10.5 2.1-5h3.7',
  keys: 'M12.5 10.5a3.75 3.75 0 1 0-3.3-2L3 14.7V17h3v-2h2v-2l2-1.9c.7.3 1.6.4 2.5.4Zm1-5v.01',
  search: 'M9 15A6 6 0 1 0 9 3a6 6 0 0 0 0 12Zm4.3-1.7L17 17',
  close: 'm5 5 10 10M15 5 5 15',
  down: 'm5 7.5 5 5 5-5',
  up: 'm5 12.5 5-5 5 5',
  refresh: 'M16 6.5A7 7 0 1 0 17 10M16.5 3v4h-4',
  keyboard: 'M2.5 5.5h15v9h-15zM5.5 8.5h.01m2.99 0h.01m2.99 0h.01m2.99 0h.01M6.5 11.5h7',
  light:
    'M10 13.5a3.5 3.5 0 1 0 0-7 3.5 3.5 0 0 0 0 7ZM10 2v1.5m0 13V18m8-8h-1.5m-13 0H2m13.7-5.7-1.1 1.1m-9.2 9.2-1.1 1.1m11.4 0-1.1-1.1M5.4 5.4 4.3 4.3',
  dark: 'M16.5 12.2A7 7 0 0 1 7.8 3.5a7 7 0 1 0 8.7 8.7Z',
  system: 'M10 3a7 7 0 1 0 0 14zm0 0a7 7 0 0 1 0 14',
} as const

export type IconName = keyof typeof SHAPES

/** A small drawing next to words, or in a button that has a name. It says nothing by itself. */
export function Icon({ name, className = 'size-5' }: { readonly name: IconName; readonly className?: string }) {
  return (
    <svg
      viewBox="0 0 20 20"
      className={`flex-none ${className}`}
      fill="none"
      stroke="currentColor"
      strokeWidth="1.5"
      strokeLinecap="round"
      strokeLinejoin="round"
      aria-hidden="true"
    >
      <path d={SHAPES[name]} />
    </svg>
  )
}

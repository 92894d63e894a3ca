import { useState } from 'react'
import type { ReactNode } from 'react'
import { Link, Outlet } from '@tanstack/react-router'
import { RequestError } from '../api/problem.ts'
import { useMe } from '../api/me.ts'
import { Button } from '../ui/button.tsx'
import { Icon } from '../ui/icons.tsx'
import { Page } from '../ui/page.tsx'
import { ErrorState } from '../ui/states.tsx'
import { Toasts } from '../ui/toasts.tsx'
import { useAppearance } from './appearance.ts'
import type { Appearance } from './appearance.ts'
import { KeysHelp } from './keys-help.tsx'
import { PLACES } from './places.ts'
import { useShortcuts } from './shortcuts.ts'
import { StepUp } from './step-up.tsx'

/** The frame of every page: where one is, where one can go, who one is. */
export function Shell() {
  const [isHelpOpen, setIsHelpOpen] = useState(false)
  const shortcuts = useShortcuts(() => setIsHelpOpen(true))
  return (
    <>
      <a
        href="#main"
        onClick={(event) => {
          // The address is the page's; only the focus goes there.
          event.preventDefault()
          document.getElementById('main')?.focus()
        }}
        className="absolute -top-20 left-4 z-50 rounded-lg bg-surface px-4 py-2 font-semibold shadow-xl focus:top-2"
      >
        Skip to content
      </a>
      <div className="min-h-dvh md:grid md:grid-cols-[13.5rem_minmax(0,1fr)]">
        <header className="flex items-center justify-between gap-4 border-line bg-surface px-4 py-2 max-md:border-b md:sticky md:top-0 md:h-dvh md:flex-col md:items-stretch md:justify-start md:overflow-y-auto md:border-r md:p-4">
          <Brand />
          <Navigation />
          <Account onHelp={() => setIsHelpOpen(true)} />
        </header>
        <main id="main" tabIndex={-1} className="min-w-0 pb-20 outline-none md:pb-0">
          <Content />
        </main>
      </div>
      <KeysHelp isOpen={isHelpOpen} onOpenChange={setIsHelpOpen} shortcuts={shortcuts} />
      <Toasts />
      <StepUp />
    </>
  )
}

/** The page, once it is known that it is for whoever asks. */
function Content() {
  const me = useMe()
  if (me.data !== undefined) return <Outlet />
  if (me.error === null) return <div aria-busy="true" className="min-h-dvh" />
  if (me.error instanceof RequestError && me.error.code === 'forbidden') {
    return (
      <Page title="Not for you">
        <p className="max-w-prose">
          The console is for operators: they see everybody’s sessions and can end them. Ask one of them if you should be
          one, too. Your own sessions are on the page of{' '}
          <a href="/" className="text-accent underline">
            your devices
          </a>
          .
        </p>
      </Page>
    )
  }
  return (
    <Page title="Not right now">
      <ErrorState error={me.error} onRetry={() => void me.refetch()} />
    </Page>
  )
}

function Brand() {
  return (
    <Link to="/" className="flex min-h-9 items-center gap-2.5 px-1 font-semibold tracking-tight md:mb-6">
      <svg viewBox="0 0 32 32" className="size-7 flex-none" aria-hidden="true">
        <rect width="32" height="32" rx="9" fill="#1f6f5c" />
        <path d="M16 7a9 9 0 1 1-8.46 5.92" fill="none" stroke="#fff" strokeWidth="3" strokeLinecap="round" />
        <circle cx="16" cy="16" r="3" fill="#fff" />
      </svg>
      Sojourn
    </Link>
  )
}

/** At the side where there is room, at the foot on a phone. */
function Navigation() {
  return (
    <nav
      aria-label="Console"
      className="max-md:fixed max-md:inset-x-0 max-md:bottom-0 max-md:z-20 max-md:border-t max-md:border-line max-md:bg-surface max-md:pb-[env(safe-area-inset-bottom)] md:grow"
    >
      <ul className="grid grid-cols-6 md:grid-cols-1 md:gap-1">
        {PLACES.map(({ to, name, icon }) => (
          <li key={to}>
            <Link
              to={to}
              activeOptions={{ exact: to === '/', includeSearch: false }}
              className="group flex flex-col items-center gap-0.5 py-2 text-[0.6875rem] leading-4 text-soft -outline-offset-2 hover:text-text focus-visible:rounded-lg aria-[current=page]:font-semibold aria-[current=page]:text-accent md:min-h-10 md:flex-row md:gap-3 md:rounded-lg md:px-3 md:text-[0.9375rem] md:hover:bg-sunken md:aria-[current=page]:bg-tint md:aria-[current=page]:text-on-tint"
            >
              <Icon name={icon} />
              {name}
            </Link>
          </li>
        ))}
      </ul>
    </nav>
  )
}

function Account({ onHelp }: { readonly onHelp: () => void }) {
  const me = useMe()
  return (
    <div className="flex items-center gap-1 md:mt-6 md:flex-wrap md:border-t md:border-line md:pt-4">
      <p className="mb-2 hidden min-h-11 w-full min-w-0 px-1 md:block">
        {me.data !== undefined && (
          <>
            <span className="block truncate font-semibold" title={me.data.user.username}>
              {me.data.user.username}
            </span>
            <a href="/" className="text-sm text-soft underline hover:text-text">
              Your devices
            </a>
          </>
        )}
      </p>
      <AppearanceButton />
      <IconButton name="Keys of the keyboard" hint="Keys of the keyboard (?)" onClick={onHelp}>
        <Icon name="keyboard" />
      </IconButton>
      <form method="post" action="/logout" className="ml-1 md:ml-auto">
        <Button type="submit">Sign out</Button>
      </form>
    </div>
  )
}

const APPEARANCES: readonly { readonly appearance: Appearance; readonly name: string }[] = [
  { appearance: 'system', name: 'as the system' },
  { appearance: 'light', name: 'light' },
  { appearance: 'dark', name: 'dark' },
]

/** Leads from one appearance to the next. */
function AppearanceButton() {
  const [appearance, choose] = useAppearance()
  const place = APPEARANCES.findIndex((each) => each.appearance === appearance)
  const next = APPEARANCES[(place + 1) % APPEARANCES.length]
  return (
    <IconButton
      name={`Appearance: ${APPEARANCES[place]?.name}`}
      hint={`Change to ${next?.name}`}
      onClick={() => {
        if (next !== undefined) choose(next.appearance)
      }}
    >
      <Icon name={appearance} />
    </IconButton>
  )
}

interface IconButtonProps {
  readonly name: string
  /** What it does, for those who point at it. */
  readonly hint: string
  readonly onClick: () => void
  readonly children: ReactNode
}

function IconButton({ name, hint, onClick, children }: IconButtonProps) {
  return (
    <button
      type="button"
      aria-label={name}
      title={hint}
      onClick={onClick}
      className="flex size-9 cursor-pointer items-center justify-center rounded-lg text-soft hover:bg-sunken hover:text-text focus-visible:rounded-lg"
    >
      {children}
    </button>
  )
}

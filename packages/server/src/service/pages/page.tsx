import type { Child } from 'hono/jsx'
import type { Role, User } from 'sojourn/auth'
import { answer } from 'sojourn/http'
import type { HeaderLines } from 'sojourn/http'
import { MARK, SCRIPT, STYLE } from './asset-files.ts'
import type { NoticeCode } from './notices.ts'
import { complaintOf } from './problem-words.ts'
import type { Problem } from './problem-words.ts'

/** Who a page is for, as it greets them. */
export type Visitor = Pick<User, 'username' | 'role'>

export interface PageProps {
  readonly title: string
  /** Absent on pages for nobody in particular. */
  readonly visitor?: Visitor | undefined
  /** What has just been done, in a sentence. */
  readonly notice?: string | null
  /** The instant the page tells times from. */
  readonly now: number
  readonly isWide?: boolean
  readonly children: Child
}

/** The frame of every page. */
export function Page({ title, visitor, notice = null, now, isWide = false, children }: PageProps) {
  return (
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="color-scheme" content="light dark" />
        <meta name="robots" content="noindex" />
        <title>{`${title} · Sojourn`}</title>
        <link rel="icon" type="image/svg+xml" href={MARK.path} />
        <link rel="stylesheet" href={STYLE.path} />
        <script src={SCRIPT.path} defer />
      </head>
      <body>
        <a class="skip" href="#main">
          Skip to content
        </a>
        <Header visitor={visitor} title={title} />
        <main id="main" class={isWide ? 'wide' : 'narrow'} data-now={new Date(now).toISOString()}>
          {notice !== null && (
            <p class="notice" role="status" tabindex={-1} autofocus>
              {notice}
            </p>
          )}
          {children}
        </main>
      </body>
    </html>
  )
}

function Header({ visitor, title }: { readonly visitor: Visitor | undefined; readonly title: string }) {
  return (
    <header class="top">
      <a class="brand" href="/">
        <Mark />
        Sojourn
      </a>
      {visitor !== undefined && (
        <nav aria-label="Account">
          {LINKS.filter(({ role }) => role === undefined || role === visitor.role).map(({ href, text, page }) => (
            <a href={href} aria-current={page === title ? 'page' : undefined}>
              {text}
            </a>
          ))}
          <form method="post" action="/logout">
            <button class="quiet">Sign out</button>
          </form>
        </nav>
      )}
    </header>
  )
}

const LINKS: readonly { readonly href: string; readonly text: string; readonly page?: string; readonly role?: Role }[] =
  [
    { href: '/', text: 'Devices', page: 'Your devices' },
    { href: '/password', text: 'Password', page: 'Password' },
    { href: '/console/', text: 'Console', role: 'operator' },
  ]

function Mark() {
  return (
    <svg viewBox="0 0 32 32" width="28" height="28" aria-hidden="true">
      <rect class="mark-ground" width="32" height="32" rx="9" />
      <path class="mark-line" d="M16 7a9 9 0 1 1-8.46 5.92" />
      <circle class="mark-dot" cx="16" cy="16" r="3" />
    </svg>
  )
}

/** A page as a response: in no cache, with the headers that the answer behind it has for the browser. */
export async function respond(
  page: ReturnType<typeof Page>,
  { status = 200, lines = [] }: { readonly status?: number; readonly lines?: HeaderLines } = {},
): Promise<Response> {
  const { headers } = answer(status, null, [['content-type', 'text/html; charset=utf-8'], ...lines])
  return new Response(`<!doctype html>${await page}`, { status, headers })
}

/** Sends the browser on to a page of ours, to be fetched with GET, which then may say what was done. */
export function goOn(path: string, lines: HeaderLines = [], done?: NoticeCode): Response {
  const location = done === undefined ? path : `${path}${path.includes('?') ? '&' : '?'}done=${done}`
  return answer(303, null, [['location', location], ...lines])
}

/** The page for a problem that no form can show. */
export function respondProblem(problem: Problem, now: number, lines: HeaderLines = []): Promise<Response> {
  const title = TITLES[problem.status] ?? (problem.status >= 500 ? 'Not right now' : 'That did not work')
  const body = (
    <Page title={title} now={now}>
      <section class="card">
        <h1>{title}</h1>
        <p>{complaintOf(problem).text}</p>
        <p>
          <a href="/">Back to your devices</a>
        </p>
      </section>
    </Page>
  )
  return respond(body, { status: problem.status, lines })
}

const TITLES: Readonly<Record<number, string>> = { 403: 'Not from here', 404: 'Nothing here', 410: 'Too late' }

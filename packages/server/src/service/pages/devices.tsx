import { Hono } from 'hono'
import type { Context } from 'hono'
import type { Child } from 'hono/jsx'
import type { Session, SessionEvent } from 'sojourn'
import type { Env } from '../env.ts'
import type { Service } from '../service.ts'
import { deedOf, doDeed } from './deeds.ts'
import { tell } from './history.ts'
import type { Happening } from './history.ts'
import { notice } from './notices.ts'
import { Page, goOn, respond, respondProblem } from './page.tsx'
import { When } from './time.tsx'
import { signedIn } from './visitor.ts'
import type { SignedIn } from './visitor.ts'

const DEVICES_SHOWN = 20
const EVENTS_SHOWN = 12
/** How an id of a session looks; anything else is no path of ours. */
const ID = '[0-9a-f-]{36}'

/** `/`: your devices, and what has happened to your account. */
export function deviceRoutes(service: Service): Hono<Env> {
  return new Hono<Env>()
    .get('/', (c) => signedIn(service, c, (visit) => showDevices(service, c, visit)))
    .post(`/sessions/:id{${ID}}/end`, (c) => end(service, c, c.req.param('id')))
    .post('/sessions/end-others', (c) => end(service, c, 'others'))
}

/** Ends one session or all others; where a proof of identity is too old for that, asks for one first. */
function end(service: Service, c: Context<Env>, what: string): Promise<Response> {
  return signedIn(service, c, async ({ session, now }) => {
    const deed = await deedOf(service, session, what)
    if (deed === null) return goOn('/', [], 'gone')
    const answer = await doDeed(service, c, deed)
    if (answer.ok)
      return deed.end === session.id ? goOn('/login', answer.lines, 'signed-out') : goOn('/', answer.lines, deed.done)
    const { problem, lines } = answer
    if (problem.code === 'reauth_required') return goOn(`/confirm?end=${deed.end}`, lines)
    if (problem.code === 'unauthenticated') return goOn('/login', lines, 'over')
    return respondProblem(problem, now, lines)
  })
}

async function showDevices(service: Service, c: Context<Env>, visit: SignedIn): Promise<Response> {
  const { session } = visit
  const cursor = c.req.query('cursor') ?? null
  const before = positionIn(c.req.query('before'))
  const [page, others, events] = await Promise.all([
    service.sessions.page({ userId: session.userId, active: true, current: session.id, cursor, limit: DEVICES_SHOWN }),
    service.sessions.count({ userId: session.userId, active: true }).then((count) => count - 1),
    service.sessions.events({ userId: session.userId, limit: EVENTS_SHOWN, ...(before === null ? {} : { before }) }),
  ])
  const listed = page.sessions.filter(({ id }) => id !== session.id)
  const devices = cursor === null ? [session, ...listed] : listed
  const view = (
    <Page title="Your devices" visitor={visit.visitor} notice={notice(c.req.query('done'))} now={visit.now} isWide>
      <h1>Your devices</h1>
      <p class="lead">
        You are signed in as <strong>{visit.visitor.username}</strong>. This is where your account is open right now; if
        you do not recognise a device, sign it out and <a href="/password">change your password</a>.
      </p>
      <ul class="devices">
        {devices.map((each) => (
          <Device session={each} isCurrent={each.id === session.id} now={visit.now} />
        ))}
      </ul>
      {(cursor !== null || page.next !== null) && (
        <nav class="pages" aria-label="More devices">
          {cursor !== null && <a href="/">Back to the first devices</a>}
          {page.next !== null && <a href={`/?cursor=${encodeURIComponent(page.next)}`}>More devices</a>}
        </nav>
      )}
      {others > 0 && <EndOthers count={others} />}
      <History
        happenings={await happenings(service, events)}
        before={before}
        earlier={events.length === EVENTS_SHOWN ? (events.at(-1)?.position ?? null) : null}
        now={visit.now}
      />
    </Page>
  )
  return respond(view)
}

function Device({
  session,
  isCurrent,
  now,
}: {
  readonly session: Session
  readonly isCurrent: boolean
  readonly now: number
}) {
  const { id, device, method, createdAt, lastAccessedAt } = session
  return (
    <li class={isCurrent ? 'device current' : 'device'}>
      <DeviceIcon label={device.label} />
      <div class="about">
        <h2>
          {capitalised(device.label)}
          {isCurrent && (
            <>
              {' '}
              <span class="badge">This device</span>
            </>
          )}
        </h2>
        <dl>
          <Fact name="Last used">
            <When at={lastAccessedAt} now={now} />
          </Fact>
          <Fact name="Signed in">
            <When at={createdAt} now={now} />
          </Fact>
          <Fact name="Address">{device.ip ?? 'not known'}</Fact>
          {method !== null && <Fact name="Method">{method}</Fact>}
        </dl>
      </div>
      <form method="post" action={isCurrent ? '/logout' : `/sessions/${id}/end`} data-quick={!isCurrent}>
        <button class="quiet">
          Sign out<span class="unseen"> {isCurrent ? 'this device' : device.label}</span>
        </button>
      </form>
    </li>
  )
}

function Fact({ name, children }: { readonly name: string; readonly children: Child }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  )
}

function EndOthers({ count }: { readonly count: number }) {
  const devices = count === 1 ? 'the other device' : `the ${count} other devices`
  return (
    <details class="others">
      <summary>Sign out everywhere else</summary>
      <p>
        This signs out {devices} and keeps you signed in here. It cannot be undone; whoever uses them needs your
        password to come back.
      </p>
      <form method="post" action="/sessions/end-others" data-quick>
        <button class="danger">Sign out {devices}</button>
      </form>
    </details>
  )
}

interface Told extends Happening {
  readonly event: SessionEvent
}

interface HistoryProps {
  readonly happenings: readonly Told[]
  readonly before: number | null
  /** Where the next page begins; null when this was the last. */
  readonly earlier: number | null
  readonly now: number
}

function History({ happenings: told, before, earlier, now }: HistoryProps) {
  return (
    <section class="history" aria-labelledby="history">
      <h2 id="history">Recent activity</h2>
      {told.length === 0 ? (
        <p class="hint">Nothing more to see.</p>
      ) : (
        <ol>
          {told.map(({ event, text, isWorrying }) => (
            <li class={isWorrying ? 'worrying' : undefined}>
              <span class="what">
                {text}
                {event.ipAddress !== null && (
                  <>
                    {' '}
                    <span class="address">from {event.ipAddress}</span>
                  </>
                )}
              </span>
              <When at={event.at} now={now} />
            </li>
          ))}
        </ol>
      )}
      {(before !== null || earlier !== null) && (
        <nav class="pages" aria-label="More activity">
          {before !== null && <a href="/#history">Back to the latest</a>}
          {earlier !== null && <a href={`/?before=${earlier}#history`}>Earlier activity</a>}
        </nav>
      )}
    </section>
  )
}

/** Events in plain words, each with the name of the device it is about. */
async function happenings(service: Service, events: readonly SessionEvent[]): Promise<readonly Told[]> {
  const ids = new Set(events.flatMap(({ sessionId }) => sessionId ?? []))
  const sessions = await Promise.all([...ids].map((id) => service.sessions.get(id)))
  const labels = new Map(sessions.flatMap((session) => (session === null ? [] : [[session.id, session.device.label]])))
  return events.flatMap((event) => {
    const happening = tell(event, event.sessionId === null ? null : (labels.get(event.sessionId) ?? null))
    return happening === null ? [] : [{ ...happening, event }]
  })
}

function DeviceIcon({ label }: { readonly label: string }) {
  return (
    <svg class="icon" viewBox="0 0 24 24" width="24" height="24" aria-hidden="true">
      <path d={ICONS.find(([pattern]) => pattern.test(label))![1]} />
    </svg>
  )
}

/** A phone, a tablet, a computer; whatever names no system is a program. */
const ICONS: readonly (readonly [RegExp, string])[] = [
  [/ on (?:iPhone|Android)$/, 'M8 3h8a1 1 0 0 1 1 1v16a1 1 0 0 1-1 1H8a1 1 0 0 1-1-1V4a1 1 0 0 1 1-1zm3 15h2'],
  [/ on iPad$/, 'M6 3h12a1 1 0 0 1 1 1v16a1 1 0 0 1-1 1H6a1 1 0 0 1-1-1V4a1 1 0 0 1 1-1zm5 15h2'],
  [/ on /, 'M5 5h14a1 1 0 0 1 1 1v9a1 1 0 0 1-1 1H5a1 1 0 0 1-1-1V6a1 1 0 0 1 1-1zM2 19h20'],
  [/(?:)/, 'M4 4h16a1 1 0 0 1 1 1v14a1 1 0 0 1-1 1H4a1 1 0 0 1-1-1V5a1 1 0 0 1 1-1zm3 5 3 3-3 3m6 0h4'],
]

/** A label at the head of a card. Programs keep the name they give themselves. */
function capitalised(label: string): string {
  return label === 'unknown device' ? 'Unknown device' : label
}

function positionIn(text: string | undefined): number | null {
  return text !== undefined && /^[1-9]\d{0,14}$/.test(text) ? Number(text) : null
}

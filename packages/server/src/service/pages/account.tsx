import { Hono } from 'hono'
import type { Context } from 'hono'
import type { Session } from 'sojourn'
import { optionalField, readForm, textField } from 'sojourn/http'
import type { Env } from '../env.ts'
import type { Service } from '../service.ts'
import { ask, cookieIn } from './ask.ts'
import { deedOf, doDeed } from './deeds.ts'
import type { Deed } from './deeds.ts'
import { ErrorSummary, Field, NextField, WhoseField } from './form.tsx'
import type { FormState } from './form.tsx'
import { nextPath } from './next-path.ts'
import { Page, goOn, respond, respondProblem } from './page.tsx'
import { complaintOf } from './problem-words.ts'
import { PASSWORD_HINT, titled } from './sign-in.tsx'
import { signedIn } from './visitor.ts'
import type { SignedIn } from './visitor.ts'

const CHANGE = { password: textField, newPassword: textField }
const PROOF = { password: textField, next: optionalField(textField, ''), end: optionalField(textField, '') }

/** `/password`, and `/confirm` for what needs a recent proof of identity. */
export function accountRoutes(service: Service): Hono<Env> {
  return new Hono<Env>()
    .get('/password', (c) => signedIn(service, c, (visit) => respond(<PasswordPage {...visit} complaint={null} />)))
    .post('/password', (c) => signedIn(service, c, (visit) => changePassword(service, c, visit)))
    .get('/confirm', (c) => signedIn(service, c, (visit) => showConfirm(service, c, visit)))
    .post('/confirm', (c) => signedIn(service, c, (visit) => confirm(service, c, visit)))
}

async function changePassword(service: Service, c: Context<Env>, visit: SignedIn): Promise<Response> {
  const form = await readForm(c.req.raw, CHANGE)
  if (!form.ok) return visit.refuse(form.response)
  const { password: currentPassword, newPassword } = form.value
  const answer = await ask(service, c, { method: 'POST', path: '/password', body: { currentPassword, newPassword } })
  if (answer.ok) return goOn('/', answer.lines, 'password-changed')
  const { problem, lines } = answer
  if (problem.code === 'unauthenticated') return goOn('/login?next=/password', lines, 'over')
  if (problem.code === 'cross_origin') return respondProblem(problem, visit.now, lines)
  return respond(<PasswordPage {...visit} complaint={complaintOf(problem)} />, { status: problem.status, lines })
}

async function showConfirm(service: Service, c: Context<Env>, visit: SignedIn): Promise<Response> {
  const deed = await deedOf(service, visit.session, c.req.query('end'))
  const view = <ConfirmPage {...visit} next={nextPath(c.req.query('next'))} deed={deed} complaint={null} />
  return respond(view)
}

/** Proves who it is, and then does what that was needed for, so that nobody has to ask for it twice. */
async function confirm(service: Service, c: Context<Env>, visit: SignedIn): Promise<Response> {
  const form = await readForm(c.req.raw, PROOF)
  if (!form.ok) return visit.refuse(form.response)
  const { password, end } = form.value
  const next = nextPath(form.value.next)
  const deed = await deedOf(service, visit.session, end)
  const answer = await ask(service, c, { method: 'POST', path: '/reauthenticate', body: { password } })
  if (answer.ok) {
    if (deed === null) return goOn(next ?? '/', answer.lines, next === null ? 'confirmed' : undefined)
    const outcome = await doDeed(service, c, deed, cookieIn(answer))
    return outcome.ok || outcome.problem.code === 'not_found'
      ? goOn('/', answer.lines, outcome.ok ? deed.done : 'gone')
      : respondProblem(outcome.problem, visit.now, answer.lines)
  }
  const { problem, lines } = answer
  if (problem.code === 'unauthenticated') return goOn('/login', lines, 'over')
  if (problem.code === 'cross_origin') return respondProblem(problem, visit.now, lines)
  const view = <ConfirmPage {...visit} next={next} deed={deed} complaint={complaintOf(problem)} />
  return respond(view, { status: problem.status, lines })
}

interface PasswordPageProps extends Pick<SignedIn, 'visitor' | 'now'> {
  readonly complaint: FormState
}

function PasswordPage({ visitor, now, complaint }: PasswordPageProps) {
  return (
    <Page title={titled('Password', complaint)} visitor={visitor} now={now}>
      <section class="card">
        <h1>Change your password</h1>
        <p>Your other devices will be signed out. This one stays signed in.</p>
        <ErrorSummary complaint={complaint} />
        <form method="post" action="/password">
          <WhoseField username={visitor.username} />
          <Field
            name="password"
            label="Current password"
            autocomplete="current-password"
            complaint={complaint}
            isFirst
          />
          <Field
            name="newPassword"
            label="New password"
            autocomplete="new-password"
            complaint={complaint}
            hint={PASSWORD_HINT}
          />
          <button class="main">Change password</button>
        </form>
      </section>
    </Page>
  )
}

interface ConfirmPageProps extends PasswordPageProps {
  readonly session: Session
  readonly next: string | null
  readonly deed: Deed | null
}

function ConfirmPage({ visitor, now, complaint, next, deed }: ConfirmPageProps) {
  return (
    <Page title={titled('Confirm that it is you', complaint)} visitor={visitor} now={now}>
      <section class="card">
        <h1>Confirm that it is you</h1>
        <p>
          It has been a while since you gave your password.{' '}
          {deed === null ? 'Give it again to go on.' : `Give it again to ${deed.text}.`}
        </p>
        <ErrorSummary complaint={complaint} />
        <form method="post" action="/confirm">
          <WhoseField username={visitor.username} />
          <Field name="password" label="Password" autocomplete="current-password" complaint={complaint} isFirst />
          <NextField next={next} />
          {deed !== null && <input type="hidden" name="end" value={deed.end} />}
          <div class="row">
            <button class="main">{deed === null ? 'Confirm' : 'Confirm and sign out'}</button>
            <a class="button" href="/">
              Cancel
            </a>
          </div>
        </form>
      </section>
    </Page>
  )
}

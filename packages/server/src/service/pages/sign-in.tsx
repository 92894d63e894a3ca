import { Hono } from 'hono'
import type { Context } from 'hono'
import { flagField, optionalField, readForm, textField } from 'sojourn/http'
import type { Env } from '../env.ts'
import type { Service } from '../service.ts'
import { ask, enter, problemIn } from './ask.ts'
import { ErrorSummary, Field, NextField } from './form.tsx'
import type { FormState } from './form.tsx'
import { nextPath } from './next-path.ts'
import { notice } from './notices.ts'
import { Page, goOn, respond, respondProblem } from './page.tsx'
import { PASSWORD_LENGTH, complaintOf } from './problem-words.ts'
import type { Problem } from './problem-words.ts'

const LOGIN = {
  username: textField,
  password: textField,
  remember: optionalField(flagField, false),
  next: optionalField(textField, ''),
}
const REGISTRATION = { username: textField, newPassword: textField, next: optionalField(textField, '') }
const CLAIM = { username: textField, newPassword: textField }

/** `/login`, `/logout`, `/register`, and `/setup/{token}` for the first operator. */
export function signInRoutes(service: Service): Hono<Env> {
  return new Hono<Env>()
    .get('/login', (c) => showLogin(service, c))
    .post('/login', (c) => login(service, c))
    .post('/logout', (c) => logout(service, c))
    .get('/register', (c) => showRegistration(service, c))
    .post('/register', (c) => register(service, c))
    .get('/setup/:token', (c) => showSetup(service, c))
    .post('/setup/:token', (c) => setUp(service, c))
}

async function showLogin(service: Service, c: Context<Env>): Promise<Response> {
  const { response, context } = await enter(service, c)
  if (response !== null) return respondProblem(await problemIn(response), service.sessions.now())
  const next = nextPath(c.req.query('next'))
  // With somewhere to go on to, whoever sent them here does not take the session they have; sending them back would
  // send them round in circles.
  if (context.session !== null && next === null) return goOn('/', context.headers)
  const view = <LoginPage service={service} next={next} username="" done={c.req.query('done')} complaint={null} />
  return respond(view, { lines: context.headers })
}

async function login(service: Service, c: Context<Env>): Promise<Response> {
  const form = await readForm(c.req.raw, LOGIN)
  if (!form.ok) return respondProblem(await problemIn(form.response), service.sessions.now())
  const { username, password, remember } = form.value
  const next = nextPath(form.value.next)
  const answer = await ask(service, c, { method: 'POST', path: '/login', body: { username, password, remember } })
  if (answer.ok) return goOn(next ?? '/', answer.lines)
  const { problem, lines } = answer
  if (isNotOfForm(problem)) return respondProblem(problem, service.sessions.now(), lines)
  const view = <LoginPage service={service} next={next} username={username} complaint={complaintOf(problem)} />
  return respond(view, { status: problem.status, lines })
}

async function logout(service: Service, c: Context<Env>): Promise<Response> {
  const answer = await ask(service, c, { method: 'POST', path: '/logout' })
  if (answer.ok) return goOn('/login', answer.lines, 'signed-out')
  return respondProblem(answer.problem, service.sessions.now(), answer.lines)
}

async function showRegistration(service: Service, c: Context<Env>): Promise<Response> {
  if (!service.settings.registration) return respondProblem(NOT_FOUND, service.sessions.now())
  const { response, context } = await enter(service, c)
  if (response !== null) return respondProblem(await problemIn(response), service.sessions.now())
  if (context.session !== null) return goOn('/', context.headers)
  const next = nextPath(c.req.query('next'))
  return respond(<RegisterPage service={service} next={next} username="" complaint={null} />, {
    lines: context.headers,
  })
}

async function register(service: Service, c: Context<Env>): Promise<Response> {
  const form = await readForm(c.req.raw, REGISTRATION)
  if (!form.ok) return respondProblem(await problemIn(form.response), service.sessions.now())
  const { username, newPassword: password } = form.value
  const next = nextPath(form.value.next)
  const registered = await ask(service, c, { method: 'POST', path: '/register', body: { username, password } })
  if (registered.ok) return signInNew(service, c, { username, password }, next)
  const { problem, lines } = registered
  if (isNotOfForm(problem)) return respondProblem(problem, service.sessions.now(), lines)
  const view = <RegisterPage service={service} next={next} username={username} complaint={complaintOf(problem)} />
  return respond(view, { status: problem.status, lines })
}

async function showSetup(service: Service, c: Context<Env>): Promise<Response> {
  const now = service.sessions.now()
  if (!(await service.setup.isOpen(c.req.param('token') ?? '')))
    return respond(<SetupGone now={now} />, { status: 410 })
  return respond(<SetupPage now={now} username="" complaint={null} />)
}

async function setUp(service: Service, c: Context<Env>): Promise<Response> {
  const now = service.sessions.now()
  const { response } = await enter(service, c)
  if (response !== null) return respondProblem(await problemIn(response), now)
  const form = await readForm(c.req.raw, CLAIM)
  if (!form.ok) return respondProblem(await problemIn(form.response), now)
  const { username, newPassword: password } = form.value
  const outcome = await service.setup.redeem(c.req.param('token') ?? '', { username, password })
  if (outcome.ok) return signInNew(service, c, { username, password }, '/console/')
  if (outcome.reason === 'gone') return respond(<SetupGone now={now} />, { status: 410 })
  const problem = problemOfClaim(outcome)
  return respond(<SetupPage now={now} username={username} complaint={complaintOf(problem)} />, {
    status: problem.status,
  })
}

/** Signs somebody in whose account has just been made. Should that not work, the account is there all the same. */
async function signInNew(
  service: Service,
  c: Context<Env>,
  claim: { readonly username: string; readonly password: string },
  next: string | null,
): Promise<Response> {
  const answer = await ask(service, c, { method: 'POST', path: '/login', body: claim })
  if (!answer.ok) return goOn('/login', answer.lines, 'created')
  return next === null ? goOn('/', answer.lines, 'registered') : goOn(next, answer.lines)
}

/** What the form cannot help with. */
function isNotOfForm({ code }: Problem): boolean {
  return code === 'cross_origin' || code === 'insecure_host' || code === 'not_found'
}

type RefusedClaim = Extract<Awaited<ReturnType<Service['setup']['redeem']>>, { readonly ok: false }>

function problemOfClaim(outcome: Exclude<RefusedClaim, { readonly reason: 'gone' }>): Problem {
  if (outcome.reason === 'overloaded') return { status: 503, code: 'overloaded', retryAfter: outcome.retryAfter }
  const isOfName = outcome.reason.startsWith('username_')
  const code = isOfName ? outcome.reason : `password_${outcome.reason}`
  return { status: code === 'username_taken' ? 409 : 400, code, detail: outcome.message }
}

const NOT_FOUND: Problem = { status: 404, code: 'not_found' }

interface ViewProps {
  readonly service: Service
  readonly next: string | null
  readonly username: string
  readonly complaint: FormState
  readonly done?: string | undefined
}

function LoginPage({ service, next, username, complaint, done }: ViewProps) {
  const { sessions, settings } = service
  return (
    <Page title={titled('Sign in', complaint)} notice={notice(done)} now={sessions.now()}>
      <section class="card">
        <h1>Sign in</h1>
        <ErrorSummary complaint={complaint} />
        <form method="post" action="/login">
          <Field
            name="username"
            label="Username"
            value={username}
            autocomplete="username"
            complaint={complaint}
            isFirst={done === undefined}
          />
          <Field name="password" label="Password" autocomplete="current-password" complaint={complaint} />
          <label class="choice">
            <input type="checkbox" name="remember" />
            Stay signed in when I close the browser
          </label>
          <NextField next={next} />
          <button class="main">Sign in</button>
        </form>
      </section>
      {settings.registration && (
        <p class="beside">
          New here? <a href={withNext('/register', next)}>Create an account</a>
        </p>
      )}
    </Page>
  )
}

function RegisterPage({ service, next, username, complaint }: ViewProps) {
  return (
    <Page title={titled('Create an account', complaint)} now={service.sessions.now()}>
      <section class="card">
        <h1>Create an account</h1>
        <ErrorSummary complaint={complaint} />
        <form method="post" action="/register">
          <ClaimFields username={username} complaint={complaint} />
          <NextField next={next} />
          <button class="main">Create account</button>
        </form>
      </section>
      <p class="beside">
        Here before? <a href={withNext('/login', next)}>Sign in</a>
      </p>
    </Page>
  )
}

interface SetupProps {
  readonly now: number
  readonly username: string
  readonly complaint: FormState
}

function SetupPage({ now, username, complaint }: SetupProps) {
  return (
    <Page title={titled('Set up Sojourn', complaint)} now={now}>
      <section class="card">
        <h1>Set up Sojourn</h1>
        <p>
          Welcome. Create the first operator: the person who sees everybody's sessions and can end them. This link works
          once.
        </p>
        <ErrorSummary complaint={complaint} />
        <form method="post">
          <ClaimFields username={username} complaint={complaint} />
          <button class="main">Create the first operator</button>
        </form>
      </section>
    </Page>
  )
}

function SetupGone({ now }: { readonly now: number }) {
  return (
    <Page title="This link no longer works" now={now}>
      <section class="card">
        <h1>This link no longer works</h1>
        <p>A set-up link is good for 15 minutes, for one person, and only while there is no operator.</p>
        <p>If nobody has set up Sojourn yet, start it again: it prints a new link.</p>
        <p>
          <a href="/login">Go to sign in</a>
        </p>
      </section>
    </Page>
  )
}

function ClaimFields({ username, complaint }: { readonly username: string; readonly complaint: FormState }) {
  return (
    <>
      <Field
        name="username"
        label="Username"
        value={username}
        autocomplete="username"
        complaint={complaint}
        hint="A name or an e-mail address. Capitals make no difference."
        isFirst
      />
      <Field
        name="newPassword"
        label="Password"
        autocomplete="new-password"
        complaint={complaint}
        hint={PASSWORD_HINT}
      />
    </>
  )
}

/** What a new password must be, said before it is got wrong. */
export const PASSWORD_HINT = `At least ${PASSWORD_LENGTH} characters. A few words that mean something only to you are easier to remember than signs and digits.`

/** A page that complains says so first thing, to those who hear its title. */
export function titled(title: string, complaint: FormState): string {
  return complaint === null ? title : `Error: ${title}`
}

function withNext(path: string, next: string | null): string {
  return next === null ? path : `${path}?next=${encodeURIComponent(next)}`
}

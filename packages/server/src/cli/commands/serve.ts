import type { Logger } from 'pino'
import { Option } from 'commander'
import type { Cli } from '../cli.ts'
import { Command } from '../command.ts'
import { Failure, failed } from '../failure.ts'
import type { Engine, OpenedEngine } from '../engines/engine.ts'
import { namedEngine } from '../engines/named.ts'
import { schemaStateOf } from '../engines/schema-state.ts'
import { fieldLines } from '../output/fields.ts'
import { SETTINGS, flagOf, readSettings } from '../../service/settings.ts'
import type { ServeSettings, SettingInfo } from '../../service/settings.ts'
import type { Serving } from '../../service/serving.ts'

/** How long a call of the store may take while a request waits. */
const DEADLINE = '2s'
const NO_KEY =
  'renewEvery is set without a renewalKey: a renewal whose answer is lost can be finished only by the node that began it; give all nodes one $SOJOURN_RENEWAL_KEY'

/** `sojourn serve`: the service. */
export function serveCommand(cli: Cli): Command {
  const command = new Command('serve')
    .summary('the service: HTTP API, devices page, console')
    .description('serves the HTTP API, the pages for everyone and the console, until it is told to stop')
    .option('--config <file>', 'a file of settings: a JSON object')
  for (const [name, { value, purpose }] of Object.entries<SettingInfo>(SETTINGS)) {
    command.addOption(new Option(value === undefined ? flagOf(name) : `${flagOf(name)} <${value}>`, purpose))
  }
  return command
    .example('sojourn serve --development', 'on this machine, to try it')
    .example('sojourn serve --base-url https://id.example.com', 'behind a proxy on this machine that speaks https')
    .example('sojourn serve --config /etc/sojourn.json', 'with the settings in a file')
    .action(async (flags: Readonly<Record<string, unknown>>) => {
      const outcome = readSettings({ flags, env: cli.env })
      if (!outcome.ok) throw mistaken(outcome.mistakes)
      await serve(cli, outcome.settings)
    })
}

async function serve(cli: Cli, settings: ServeSettings): Promise<void> {
  const { host, port, baseUrl, logLevel, drain, renewalKey, service } = settings
  const engine = engineOf(cli, settings)
  const [{ createLog, readable }, { startServing }] = await Promise.all([
    import('../../service/log.ts'),
    import('../../service/serving.ts'),
  ])
  const write = (text: string): unknown => cli.output.stderr.write(text)
  const isRead = service.isDevelopment && cli.output.stderr.isTTY === true
  const log = createLog(logLevel, isRead ? readable(write) : { write })
  const opened = await engine.open({ create: service.isDevelopment, lease: settings.lease, deadline: DEADLINE })
  if (engine.kind !== 'sqlite' && service.policy.renewEvery !== undefined && renewalKey === null) log.warn(NO_KEY)
  let serving: Serving
  try {
    const schema = await schemaStateOf(engine)
    serving = await startServing({ ...opened, schema, renewalKey, settings: service, baseUrl, host, port, drain, log })
  } catch (error) {
    await opened.close()
    throw unheard(error, host, port)
  }
  const stopped = signalled(log)
  try {
    await announce(cli, serving)
    await stopped
  } finally {
    await stop(serving, opened)
    log.info('stopped')
  }
}

/** The database to serve, with what the file of settings says where nothing else does. */
function engineOf(cli: Cli, { database, users, lease }: ServeSettings): Engine {
  if (database !== null && cli.database.source === 'default') cli.database = { url: database, source: '--config' }
  if (users !== null && cli.users === null) cli.users = { url: users, source: '--config' }
  const engine = namedEngine(cli)
  if (engine.kind === 'sqlite' && lease !== null) {
    const mistake =
      'lease is given and the database is a file, whose records are answered from memory while nothing has changed anyway; leave it out'
    throw mistaken([mistake])
  }
  return engine
}

async function stop(serving: Serving, opened: OpenedEngine): Promise<void> {
  try {
    await serving.stop()
  } finally {
    await opened.close()
  }
}

/** Fulfilled by the first signal to stop. By the second the process ends at once. */
function signalled(log: Logger): Promise<void> {
  process.prependOnceListener('uncaughtException', (error) => log.fatal({ err: error }, 'the service has crashed'))
  const { promise, resolve } = Promise.withResolvers<void>()
  let isStopping = false
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.on(signal, () => {
      if (isStopping) process.exit(1)
      isStopping = true
      log.info({ signal }, 'stopping')
      resolve()
    })
  }
  return promise
}

async function announce(cli: Cli, { service, url }: Serving): Promise<void> {
  const token = await service.setup.open()
  const places = {
    url: `${url}/`,
    console: `${url}/console/`,
    docs: `${url}/docs`,
    setup: token === null ? null : `${url}/setup/${token}`,
  }
  service.log.info({ url }, 'listening')
  await cli.output.result(places, () => {
    const fields = fieldLines(cli.output, [
      ['your devices', places.url],
      ['console', places.console],
      ['HTTP API', places.docs],
    ])
    const setup =
      places.setup === null
        ? ''
        : `\n\nThere is no operator yet. Whoever opens this link first, within 15 minutes, becomes one:\n\n  ${places.setup}`
    return `${cli.output.style('title', 'Sojourn is running.')} Ctrl-C stops it.\n\n${fields}${setup}\n`
  })
}

function mistaken(mistakes: readonly string[]): Failure {
  const [first = ''] = mistakes
  if (mistakes.length === 1) return new Failure(2, 'wrong_settings', first, mistakes)
  return new Failure(2, 'wrong_settings', `there are ${mistakes.length} mistakes in the settings`, mistakes)
}

const UNHEARD: Readonly<Record<string, string>> = {
  EADDRINUSE: 'something else listens there already; stop it, or give another --port',
  EACCES: 'this account may not; give a --port from 1024 on',
  EADDRNOTAVAIL: 'that is no address of this machine; give another --host',
  ENOTFOUND: 'there is no such name; give another --host',
}

function unheard(error: unknown, host: string, port: number): unknown {
  const { code } = error as NodeJS.ErrnoException
  const why = code === undefined ? undefined : UNHEARD[code]
  return why === undefined ? error : failed('cannot_listen', `cannot listen on ${host}, port ${port}: ${why}`)
}

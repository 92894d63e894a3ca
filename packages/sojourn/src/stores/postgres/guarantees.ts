import type { Guarantees } from '../../core/store.ts'
import { unsafeSettings } from './settings.ts'
import type { Probe, Settings } from './settings.ts'

/** What a store on this database promises, from the settings as they were read back just now. */
export function postgresGuarantees({ settings }: Probe): Guarantees {
  const unsafe = unsafeSettings(settings)
  const survivesProcessKill = settings['synchronous_commit'] !== 'off'
  return {
    engine: `postgres ${String(settings['server_version'])}`,
    survivesProcessKill,
    survivesPowerLoss: survivesProcessKill && settings['fsync'] !== 'off' && settings['full_page_writes'] !== 'off',
    revocationBound: 0,
    settings,
    warnings: [
      ...unsafe.map((name) => `${name} is ${String(settings[name])} and was allowed by name`),
      ...standbyWarnings(settings),
      ...isolationWarnings(settings),
    ],
  }
}

/** On one server `local` is as good as `on`; with a synchronous standby it does not wait for it. */
function standbyWarnings(settings: Settings): readonly string[] {
  const commit = settings['synchronous_commit']
  if (settings['synchronous_standby_names'] === '' || commit !== 'local') return []
  return ['synchronous_commit local does not wait for the standby, which may lack what was acknowledged; set it to on']
}

/** Nothing goes wrong under a stricter isolation, but of those who want the same user at once most have to begin again. */
function isolationWarnings(settings: Settings): readonly string[] {
  const isolation = String(settings['default_transaction_isolation'])
  if (isolation === 'read committed') return []
  return [
    `default_transaction_isolation is '${isolation}', under which logins of one user at once can fail; ` +
      "set it to 'read committed' for the user of this pool",
  ]
}

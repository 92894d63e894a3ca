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
    ],
  }
}

/** On one server `local` is as good as `on`; with a synchronous standby it does not wait for it. */
function standbyWarnings(settings: Settings): readonly string[] {
  const commit = settings['synchronous_commit']
  if (settings['synchronous_standby_names'] === '' || commit !== 'local') return []
  return ['synchronous_commit local does not wait for the standby, which may lack what was acknowledged; set it to on']
}

import type { Guarantees } from '../../core/store.ts'
import type { SqliteConnection } from './connection.ts'
import { fileMode } from './files.ts'

/** What a store on this connection promises, from the settings as they were read back. */
export function sqliteGuarantees(connection: SqliteConnection, hasBallast: boolean): Guarantees {
  const { sqlite_version: version, ...settings } = connection.settings
  const isOnDisk = !connection.isInMemory
  const beside = isOnDisk ? { file_mode: fileMode(connection.path), ballast: hasBallast } : {}
  return {
    engine: `sqlite ${String(version)}`,
    survivesProcessKill: isOnDisk,
    survivesPowerLoss: isOnDisk && connection.unsafe.length === 0,
    revocationBound: 0,
    settings: { ...settings, ...beside, record_cache: 'data_version' },
    warnings: isOnDisk
      ? warnings(connection, hasBallast)
      : ['sessions live in the memory of this process and are gone when it stops; give the path of a file'],
  }
}

function warnings({ path, unsafe }: SqliteConnection, hasBallast: boolean): readonly string[] {
  const mode = fileMode(path)
  return [
    ...unsafe.map((name) => `${name} is not what durability needs and was allowed by name`),
    ...(mode.endsWith('00')
      ? []
      : [`database '${path}' can be reached by others on this host (mode ${mode}); run chmod 600 on it`]),
    ...(hasBallast
      ? []
      : [`no room is held back beside '${path}' for ending sessions on a full disk; free some space`]),
  ]
}

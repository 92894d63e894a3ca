import { availableParallelism, loadavg } from 'node:os'
import { statfsSync } from 'node:fs'

/** The load average, per core, above which other work is likely to show in the figures. */
const BUSY = 0.3

const FILE_SYSTEMS: Readonly<Record<number, string>> = {
  0xef53: 'ext4',
  0x01021994: 'tmpfs',
  0x58465342: 'xfs',
  0x9123683e: 'btrfs',
  0x794c7630: 'overlayfs',
}

/** What the figures depend on, in one line. */
export function describeMachine(folder: string): string {
  const { node, sqlite } = process.versions
  return `${availableParallelism()} cores, ${process.platform} ${process.arch}, Node ${node}, SQLite ${sqlite}, ${fileSystem(folder)}`
}

/** How busy the machine was in the last minute. */
export function describeLoad(): string {
  return `load average ${(loadavg()[0] ?? 0).toFixed(2)}`
}

/** What spoils the figures before they are taken, or null. */
export function loadWarning(): string | null {
  return (loadavg()[0] ?? 0) > BUSY * availableParallelism()
    ? 'something else is running; the figures will say little, take them again on a quiet machine'
    : null
}

/** What makes durable writes on this folder incomparable, or null. */
export function storageWarning(folder: string): string | null {
  return fileSystem(folder) === 'tmpfs'
    ? `${folder} lives in memory, where a durable commit costs nothing; set TMPDIR to a folder on a disk`
    : null
}

function fileSystem(folder: string): string {
  const { type } = statfsSync(folder)
  return FILE_SYSTEMS[type] ?? `file system 0x${type.toString(16)}`
}

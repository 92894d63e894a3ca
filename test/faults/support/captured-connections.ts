import { DatabaseSync } from 'node:sqlite'

/** Does something that opens databases, and answers with its result and with the connections it opened. */
export function capturingConnections<T>(open: () => T): {
  readonly result: T
  readonly connections: readonly DatabaseSync[]
} {
  const connections = new Set<DatabaseSync>()
  const { exec } = DatabaseSync.prototype
  DatabaseSync.prototype.exec = function (sql) {
    connections.add(this)
    exec.call(this, sql)
  }
  try {
    return { result: open(), connections: [...connections] }
  } finally {
    DatabaseSync.prototype.exec = exec
  }
}

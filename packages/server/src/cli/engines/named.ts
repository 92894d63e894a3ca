import type { Cli } from '../cli.ts'
import { databaseUrl } from '../database-url.ts'
import type { DatabaseUrl } from '../database-url.ts'
import { wrongUsage } from '../failure.ts'
import type { Engine, NamedDatabase } from './engine.ts'
import { PostgresEngine } from './postgres.ts'
import { RedisEngine } from './redis.ts'
import { SqliteEngine } from './sqlite.ts'

/** The engine of the database that was named, with the users' database beside it where sessions are in Redis. Connects to nothing. */
export function namedEngine({ database, users, env }: Pick<Cli, 'database' | 'users' | 'env'>): Engine {
  const url = understood(database)
  if (url.kind !== 'redis') {
    if (users !== null && users.source !== '$SOJOURN_USERS_URL') {
      throw wrongUsage(
        `${users.source} names a database for the users, and ${database.source} one that keeps them itself; leave out one of the two`,
      )
    }
    return sqlEngine(url, database)
  }
  if (users === null) {
    throw wrongUsage(
      'sessions in redis need another database for their users; name it with --users or $SOJOURN_USERS_URL, as in postgres://user@host/database',
    )
  }
  const beside = understood(users)
  if (beside.kind === 'redis') {
    throw wrongUsage(
      `the database of the users (from ${users.source}) is redis, which keeps none; give postgres: or sqlite:`,
    )
  }
  if (beside.kind === 'postgres' && beside.settings['hints'] !== undefined) {
    throw wrongUsage(
      `the database of the users (from ${users.source}) asks for hints, and nobody has users in memory; put hints in the redis URL`,
    )
  }
  return new RedisEngine(url, sqlEngine(beside, users), env)
}

function sqlEngine(url: Exclude<DatabaseUrl, { readonly kind: 'redis' }>, { source }: NamedDatabase): Engine {
  return url.kind === 'sqlite' ? new SqliteEngine(url.place, source) : new PostgresEngine(url)
}

function understood({ url, source }: NamedDatabase): DatabaseUrl {
  const parsed = databaseUrl(url)
  if (parsed.hasPassword && source.startsWith('--') && source !== '--config') {
    throw wrongUsage(
      `${source} has a password in it, which other users of this machine and the shell's history can read; change that password, ` +
        `and put the URL in ${source === '--users' ? '$SOJOURN_USERS_URL' : '$SOJOURN_DATABASE_URL'}, or the password alone in $PGPASSWORD or $REDISCLI_AUTH`,
    )
  }
  return parsed
}

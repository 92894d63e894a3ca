import type { MigrationStep } from '../migrate.ts'

/**
 * The steps that make our tables in SQLite. A step that was released is frozen: databases remember its
 * checksum. Whatever comes later is a new step.
 */
export const SQLITE_STEPS: readonly MigrationStep[] = [
  {
    version: 1,
    name: 'sessions',
    up: `
CREATE TABLE sojourn_users (
  id TEXT PRIMARY KEY NOT NULL,
  username TEXT NOT NULL,
  password_hash TEXT,
  role TEXT NOT NULL,
  epoch INTEGER NOT NULL,
  disabled_at INTEGER,
  created_at INTEGER NOT NULL,
  last_login_at INTEGER
) STRICT;
-- Whose is this username? Who comes next in the list of users?
CREATE UNIQUE INDEX sojourn_users_username ON sojourn_users (username);

CREATE TABLE sojourn_sessions (
  session_id TEXT PRIMARY KEY NOT NULL,
  user_id TEXT NOT NULL REFERENCES sojourn_users (id) ON DELETE CASCADE,
  username TEXT NOT NULL,
  secret_hash BLOB NOT NULL,
  next_hash BLOB,
  next_salt BLOB,
  previous_hash BLOB,
  previous_until INTEGER,
  created_at INTEGER NOT NULL,
  authenticated_at INTEGER NOT NULL,
  last_accessed INTEGER NOT NULL,
  expires_at INTEGER NOT NULL,
  ends_at INTEGER NOT NULL,
  logged_out_at INTEGER,
  end_reason TEXT,
  ended_by TEXT,
  ip_address TEXT,
  user_agent TEXT,
  method TEXT,
  attributes TEXT NOT NULL,
  version INTEGER NOT NULL
) STRICT;
-- Which sessions has this user, newest first?
CREATE INDEX sojourn_sessions_user ON sojourn_sessions (user_id, created_at, session_id);
-- The indexes of what can still stand end with end_reason, so that a count asks nothing but the index.
-- Which sessions of this user can still stand? For the cap and for signing out everywhere.
CREATE INDEX sojourn_sessions_user_standing ON sojourn_sessions (user_id, end_reason) WHERE end_reason IS NULL;
-- Which sessions go by this username, newest first?
CREATE INDEX sojourn_sessions_username ON sojourn_sessions (username, created_at, session_id);
-- Which are the newest sessions?
CREATE INDEX sojourn_sessions_newest ON sojourn_sessions (created_at, session_id);
-- Which were used last?
CREATE INDEX sojourn_sessions_accessed ON sojourn_sessions (last_accessed, session_id);
-- Which ended long ago?
CREATE INDEX sojourn_sessions_ends ON sojourn_sessions (ends_at);
-- Which are overdue?
CREATE INDEX sojourn_sessions_overdue ON sojourn_sessions (ends_at, end_reason) WHERE end_reason IS NULL;
-- Which have reached their absolute end?
CREATE INDEX sojourn_sessions_expiring ON sojourn_sessions (expires_at, end_reason) WHERE end_reason IS NULL;
-- Whose user signed in too long ago?
CREATE INDEX sojourn_sessions_authenticated ON sojourn_sessions (authenticated_at, end_reason) WHERE end_reason IS NULL;
-- Which have not been used? How many stand, and of how many users?
CREATE INDEX sojourn_sessions_unused ON sojourn_sessions (last_accessed, ends_at, authenticated_at, user_id, end_reason)
  WHERE end_reason IS NULL;

CREATE TABLE sojourn_events (
  position INTEGER PRIMARY KEY NOT NULL,
  at INTEGER NOT NULL,
  type TEXT NOT NULL,
  session_id TEXT,
  user_id TEXT,
  actor TEXT NOT NULL,
  reason TEXT,
  ip_address TEXT,
  detail TEXT
) STRICT;
-- What happened to this session?
CREATE INDEX sojourn_events_session ON sojourn_events (session_id, position) WHERE session_id IS NOT NULL;
-- What happened to this user?
CREATE INDEX sojourn_events_user ON sojourn_events (user_id, position) WHERE user_id IS NOT NULL;
-- Which lines are old enough to go? When did something happen last?
CREATE INDEX sojourn_events_at ON sojourn_events (at);

CREATE TABLE sojourn_attempts (
  bucket TEXT PRIMARY KEY NOT NULL,
  count INTEGER NOT NULL,
  since INTEGER NOT NULL,
  until INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
-- Which can be forgotten?
CREATE INDEX sojourn_attempts_until ON sojourn_attempts (until, since);

CREATE VIEW sojourn_session_list AS
SELECT
  session_id,
  user_id,
  username,
  end_reason IS NULL AND ends_at > unixepoch('subsec') * 1000 AS is_active,
  strftime('%Y-%m-%dT%H:%M:%fZ', created_at / 1000.0, 'unixepoch') AS created_at,
  strftime('%Y-%m-%dT%H:%M:%fZ', authenticated_at / 1000.0, 'unixepoch') AS authenticated_at,
  strftime('%Y-%m-%dT%H:%M:%fZ', last_accessed / 1000.0, 'unixepoch') AS last_accessed,
  strftime('%Y-%m-%dT%H:%M:%fZ', expires_at / 1000.0, 'unixepoch') AS expires_at,
  strftime('%Y-%m-%dT%H:%M:%fZ', ends_at / 1000.0, 'unixepoch') AS ends_at,
  strftime('%Y-%m-%dT%H:%M:%fZ', logged_out_at / 1000.0, 'unixepoch') AS logged_out_at,
  end_reason,
  ended_by,
  ip_address,
  user_agent,
  method
FROM sojourn_sessions;
`,
    down: `
DROP VIEW sojourn_session_list;
DROP TABLE sojourn_attempts;
DROP TABLE sojourn_events;
DROP TABLE sojourn_sessions;
DROP TABLE sojourn_users;
`,
  },
  {
    version: 2,
    name: 'operators',
    up: `
CREATE TABLE sojourn_api_keys (
  key_id TEXT PRIMARY KEY NOT NULL,
  name TEXT NOT NULL,
  scopes TEXT NOT NULL,
  secret_hash BLOB NOT NULL,
  created_at INTEGER NOT NULL,
  created_by TEXT NOT NULL,
  expires_at INTEGER NOT NULL,
  last_used_at INTEGER,
  revoked_at INTEGER
) STRICT;
-- What happened last of this kind?
CREATE INDEX sojourn_events_type ON sojourn_events (type, position);
-- Who may see and end the sessions of others?
CREATE INDEX sojourn_users_operators ON sojourn_users (username) WHERE role = 'operator';
-- Who may not sign in?
CREATE INDEX sojourn_users_disabled ON sojourn_users (username) WHERE disabled_at IS NOT NULL;
`,
    down: `
DROP INDEX sojourn_users_disabled;
DROP INDEX sojourn_users_operators;
DROP INDEX sojourn_events_type;
DROP TABLE sojourn_api_keys;
`,
  },
  {
    version: 3,
    name: 'claims',
    up: `
CREATE TABLE sojourn_claims (
  name TEXT PRIMARY KEY NOT NULL,
  holder TEXT NOT NULL,
  until INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
`,
    down: `
DROP TABLE sojourn_claims;
`,
  },
  {
    version: 4,
    name: 'addresses',
    up: `
-- Which sessions came from this address, newest first?
CREATE INDEX sojourn_sessions_address ON sojourn_sessions (ip_address, created_at, session_id)
  WHERE ip_address IS NOT NULL;
-- Which ended, newest first?
CREATE INDEX sojourn_sessions_ended ON sojourn_sessions (created_at, session_id) WHERE end_reason IS NOT NULL;
`,
    down: `
DROP INDEX sojourn_sessions_ended;
DROP INDEX sojourn_sessions_address;
`,
  },
  {
    version: 5,
    name: 'search',
    up: `
-- Up to which row of sojourn_sessions everything is known to the two tables below; only if that session lies there.
CREATE TABLE sojourn_search_mark (
  one INTEGER PRIMARY KEY NOT NULL CHECK (one = 1),
  place INTEGER,
  session_id TEXT,
  round INTEGER NOT NULL
) STRICT;
INSERT INTO sojourn_search_mark (one, round) VALUES (1, 0);
-- Each username, address and user agent once.
CREATE TABLE sojourn_search_values (
  value_id INTEGER PRIMARY KEY NOT NULL,
  value TEXT NOT NULL UNIQUE
) STRICT;
-- Which sessions have this user agent? For usernames and addresses sojourn_sessions has indexes.
CREATE TABLE sojourn_search_agents (
  value_id INTEGER NOT NULL,
  place INTEGER NOT NULL,
  PRIMARY KEY (value_id, place)
) STRICT, WITHOUT ROWID;
-- What is deleted is forgotten, and a place that is given to another session comes after the mark.
CREATE TRIGGER sojourn_search_deleted AFTER DELETE ON sojourn_sessions BEGIN
  UPDATE sojourn_search_mark SET (place, session_id) = (
    SELECT rowid, session_id FROM sojourn_sessions WHERE rowid < OLD.rowid ORDER BY rowid DESC LIMIT 1)
  WHERE place = OLD.rowid;
  DELETE FROM sojourn_search_agents WHERE place = OLD.rowid
    AND value_id = (SELECT value_id FROM sojourn_search_values WHERE value = OLD.user_agent);
  DELETE FROM sojourn_search_values WHERE value IN (OLD.username, OLD.ip_address, OLD.user_agent)
    AND NOT EXISTS (SELECT 1 FROM sojourn_sessions WHERE username = value)
    AND NOT EXISTS (SELECT 1 FROM sojourn_sessions WHERE ip_address = value)
    AND NOT EXISTS (
      SELECT 1 FROM sojourn_search_agents WHERE sojourn_search_agents.value_id = sojourn_search_values.value_id);
END;
-- Sojourn never changes these columns. Who does by hand moves the mark back.
CREATE TRIGGER sojourn_search_changed AFTER UPDATE OF username, ip_address, user_agent ON sojourn_sessions BEGIN
  UPDATE sojourn_search_mark SET (place, session_id) = (
    SELECT rowid, session_id FROM sojourn_sessions WHERE rowid < OLD.rowid ORDER BY rowid DESC LIMIT 1)
  WHERE place >= OLD.rowid;
  DELETE FROM sojourn_search_agents WHERE place = OLD.rowid
    AND value_id = (SELECT value_id FROM sojourn_search_values WHERE value = OLD.user_agent);
  DELETE FROM sojourn_search_values WHERE value IN (OLD.username, OLD.ip_address, OLD.user_agent)
    AND NOT EXISTS (SELECT 1 FROM sojourn_sessions WHERE username = value)
    AND NOT EXISTS (SELECT 1 FROM sojourn_sessions WHERE ip_address = value)
    AND NOT EXISTS (
      SELECT 1 FROM sojourn_search_agents WHERE sojourn_search_agents.value_id = sojourn_search_values.value_id);
END;
`,
    down: `
DROP TRIGGER sojourn_search_changed;
DROP TRIGGER sojourn_search_deleted;
DROP TABLE sojourn_search_agents;
DROP TABLE sojourn_search_values;
DROP TABLE sojourn_search_mark;
`,
  },
]

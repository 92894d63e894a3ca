import type { MigrationStep } from '../migrate.ts'

/**
 * The steps that make our tables in PostgreSQL. A step that was released is frozen: databases remember its checksum.
 * Whatever comes later is a new step, and lets the release before it go on: it adds and does not take away.
 *
 * Text is compared and sorted by its bytes (`COLLATE "C"`), which is how every other engine of ours does it and what
 * no update of the operating system changes.
 */
export const POSTGRES_STEPS: readonly MigrationStep[] = [
  {
    version: 1,
    name: 'sessions',
    up: `
CREATE TABLE sojourn_users (
  id text COLLATE "C" PRIMARY KEY,
  username text COLLATE "C" NOT NULL,
  password_hash text,
  role text NOT NULL,
  epoch bigint NOT NULL,
  disabled_at timestamptz,
  created_at timestamptz NOT NULL,
  last_login_at timestamptz
) WITH (fillfactor = 80);
-- Whose is this username? Who comes next in the list of users?
CREATE UNIQUE INDEX sojourn_users_username ON sojourn_users (username);
-- Who may see and end the sessions of others?
CREATE INDEX sojourn_users_operators ON sojourn_users (username) WHERE role = 'operator';
-- Who may not sign in?
CREATE INDEX sojourn_users_disabled ON sojourn_users (username) WHERE disabled_at IS NOT NULL;

CREATE TABLE sojourn_sessions (
  session_id uuid PRIMARY KEY,
  user_id text COLLATE "C" NOT NULL REFERENCES sojourn_users (id) ON DELETE CASCADE,
  username text COLLATE "C" NOT NULL,
  secret_hash bytea NOT NULL,
  next_hash bytea,
  next_salt bytea,
  previous_hash bytea,
  previous_until timestamptz,
  created_at timestamptz NOT NULL,
  authenticated_at timestamptz NOT NULL,
  last_accessed timestamptz NOT NULL,
  expires_at timestamptz NOT NULL,
  ends_at timestamptz NOT NULL,
  logged_out_at timestamptz,
  end_reason text COLLATE "C",
  ended_by text,
  ip_address text COLLATE "C",
  user_agent text COLLATE "C",
  method text COLLATE "C",
  attributes json NOT NULL,
  version bigint NOT NULL
);
-- Which sessions has this user, newest first?
CREATE INDEX sojourn_sessions_user ON sojourn_sessions (user_id, created_at, session_id);
-- Which sessions of this user can still stand? For the cap and for signing out everywhere.
CREATE INDEX sojourn_sessions_user_standing ON sojourn_sessions (user_id) WHERE end_reason IS NULL;
-- Which sessions go by this username, newest first?
CREATE INDEX sojourn_sessions_username ON sojourn_sessions (username, created_at, session_id);
-- Which are the newest sessions?
CREATE INDEX sojourn_sessions_newest ON sojourn_sessions (created_at, session_id);
-- Which were used last?
CREATE INDEX sojourn_sessions_accessed ON sojourn_sessions (last_accessed, session_id);
-- Which ended long ago?
CREATE INDEX sojourn_sessions_ends ON sojourn_sessions (ends_at);
-- Which are overdue?
CREATE INDEX sojourn_sessions_overdue ON sojourn_sessions (ends_at) WHERE end_reason IS NULL;
-- Which have reached their absolute end?
CREATE INDEX sojourn_sessions_expiring ON sojourn_sessions (expires_at) WHERE end_reason IS NULL;
-- Whose user signed in too long ago?
CREATE INDEX sojourn_sessions_authenticated ON sojourn_sessions (authenticated_at) WHERE end_reason IS NULL;
-- Which have not been used? How many stand, and of how many users?
CREATE INDEX sojourn_sessions_unused ON sojourn_sessions (last_accessed, ends_at, authenticated_at, user_id)
  WHERE end_reason IS NULL;

-- The transaction that wrote a line is kept with it: positions are drawn before the commit and may appear late.
CREATE TABLE sojourn_events (
  position bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  transaction xid8 NOT NULL DEFAULT pg_current_xact_id(),
  at timestamptz NOT NULL,
  type text COLLATE "C" NOT NULL,
  session_id uuid,
  user_id text COLLATE "C",
  actor text NOT NULL,
  reason text,
  ip_address text,
  detail text
);
-- What has been committed since a reader last looked?
CREATE INDEX sojourn_events_transaction ON sojourn_events (transaction, position);
-- What happened last of this kind?
CREATE INDEX sojourn_events_type ON sojourn_events (type, position);
-- What happened to this session?
CREATE INDEX sojourn_events_session ON sojourn_events (session_id, position) WHERE session_id IS NOT NULL;
-- What happened to this user?
CREATE INDEX sojourn_events_user ON sojourn_events (user_id, position) WHERE user_id IS NOT NULL;
-- Which lines are old enough to go? When did something happen last?
CREATE INDEX sojourn_events_at ON sojourn_events (at);

CREATE TABLE sojourn_attempts (
  bucket text COLLATE "C" PRIMARY KEY,
  count bigint NOT NULL,
  since bigint NOT NULL,
  until bigint NOT NULL
) WITH (fillfactor = 80);
-- Which can be forgotten?
CREATE INDEX sojourn_attempts_until ON sojourn_attempts (until, since);

CREATE TABLE sojourn_api_keys (
  key_id text COLLATE "C" PRIMARY KEY,
  name text NOT NULL,
  scopes text[] NOT NULL,
  secret_hash bytea NOT NULL,
  created_at timestamptz NOT NULL,
  created_by text NOT NULL,
  expires_at timestamptz NOT NULL,
  last_used_at timestamptz,
  revoked_at timestamptz
);

CREATE TABLE sojourn_claims (
  name text COLLATE "C" PRIMARY KEY,
  holder text NOT NULL,
  until timestamptz NOT NULL
) WITH (fillfactor = 80);

CREATE VIEW sojourn_session_list AS
SELECT
  session_id,
  user_id,
  username,
  end_reason IS NULL AND ends_at > clock_timestamp() AS is_active,
  created_at,
  authenticated_at,
  last_accessed,
  expires_at,
  ends_at,
  logged_out_at,
  end_reason,
  ended_by,
  ip_address,
  user_agent,
  method
FROM sojourn_sessions;
`,
    down: `
DROP VIEW sojourn_session_list;
DROP TABLE sojourn_claims;
DROP TABLE sojourn_api_keys;
DROP TABLE sojourn_attempts;
DROP TABLE sojourn_events;
DROP TABLE sojourn_sessions;
DROP TABLE sojourn_users;
`,
  },
]

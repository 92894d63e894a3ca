export { API_KEY_SCOPES, ApiKeys, IssuedApiKey } from './api-keys.ts'
export type {
  ApiKey,
  ApiKeyCheck,
  ApiKeyRecord,
  ApiKeyRefusal,
  ApiKeyScope,
  ApiKeyStore,
  ApiKeysOptions,
  NewApiKey,
} from './api-keys.ts'
export { AuthManager, Login } from './auth-manager.ts'
export type {
  ActorOptions,
  AuthManagerOptions,
  ChangePasswordOptions,
  ChangePasswordOutcome,
  LoginOptions,
  LoginOutcome,
  Overloaded,
  PasswordOptions,
  PasswordRefusal,
  ReauthenticateOutcome,
  RegisterOptions,
  RegisterOutcome,
  SetPasswordOutcome,
  UserOutcome,
} from './auth-manager.ts'
export type { Refusal } from './credentials.ts'
export { Argon2Hasher, DEFAULT_ARGON2 } from './passwords.ts'
export type { Argon2Options, PasswordHasher } from './passwords.ts'
export type { PasswordProblem, PasswordRuleOptions } from './password-rules.ts'
export type { AttemptChange, AttemptState, AttemptStore, ThrottleOptions } from './throttle.ts'
export { viewUser } from './users.ts'
export { SessionsBeside } from './sessions-beside.ts'
export { UsersBeside } from './users-beside.ts'
export type {
  AdoptedUser,
  AdoptionCount,
  PasswordChange,
  Role,
  User,
  UserChange,
  UserFilter,
  UserRecord,
  UserStore,
} from './users.ts'

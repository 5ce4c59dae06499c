export {
  type AuthenticatorOptions,
  createAuthenticator,
  type IdentityAuthenticator,
  operatorToken,
} from './authenticator.ts'
export { type IdentitySettings, identitySettings } from './config.ts'
export { identityMigrations } from './migrations/index.ts'
export { createIdentity } from './module.ts'
export type { GivenProfile, Identity, PresenceReader, ProfileGate, Projects, Users } from './service.ts'
export { type MintOptions, mintUserToken } from './token/user-token.ts'

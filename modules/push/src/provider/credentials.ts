import { createPrivateKey, type KeyObject, randomBytes } from 'node:crypto'
import { AppError, type PushCredentials, type PushProvider, type PushProviderState } from '@parley/contracts'
import type { ApnsCredentials } from '../apns/apns-adapter.ts'
import type { FcmCredentials } from '../fcm/fcm-adapter.ts'
import type { HttpPushCredentials } from '../http/http-adapter.ts'
import { newVapidKeys, type VapidKeys, vapidKeysFit } from '../web-push/vapid.ts'
import type { WebPushCredentials } from '../web-push/web-push-adapter.ts'

export type ProviderCredentials =
  | { provider: 'web-push'; credentials: WebPushCredentials }
  | { provider: 'apns'; credentials: ApnsCredentials }
  | { provider: 'fcm'; credentials: FcmCredentials }
  | { provider: 'http'; credentials: HttpPushCredentials }

export type ProviderFacts = Omit<PushProviderState, 'provider' | 'updatedAt' | 'secret'>

export interface PreparedCredentials {
  stored: ProviderCredentials
  facts: ProviderFacts
  /** A secret that was made here. */
  madeSecret?: string
}

/**
 * What a provider needs, checked, with what was left out made or taken from `before`. Throws `invalid-request` that
 * names the field.
 */
export function prepareCredentials(
  provider: PushProvider,
  given: PushCredentials,
  before: ProviderCredentials | undefined,
): PreparedCredentials {
  switch (provider) {
    case 'web-push': {
      const known = before?.provider === 'web-push' ? before.credentials : undefined
      const subject = given.subject ?? known?.subject
      const credentials = { ...vapidKeysOf(given, known), subject: required('subject', subject) }
      const { publicKey } = credentials
      return { stored: { provider, credentials }, facts: { publicKey, subject: credentials.subject } }
    }
    case 'apns': {
      const key = required('key', given.key)
      requireKey('key', key, 'ec')
      const facts = {
        keyId: required('keyId', given.keyId),
        teamId: required('teamId', given.teamId),
        topic: required('topic', given.topic),
        environment: given.environment ?? 'production',
      }
      return { stored: { provider, credentials: { key, ...facts } }, facts }
    }
    case 'fcm': {
      const serviceAccount = required('serviceAccount', given.serviceAccount)
      requireKey('serviceAccount.private_key', serviceAccount.private_key, 'rsa')
      const facts = { fcmProjectId: serviceAccount.project_id }
      return { stored: { provider, credentials: { serviceAccount } }, facts }
    }
    case 'http': {
      const url = required('url', given.url)
      const known = before?.provider === 'http' ? before.credentials.secret : undefined
      const madeSecret =
        given.secret === undefined && known === undefined
          ? `whsec_${randomBytes(32).toString('base64')}`
          : undefined
      const secret = given.secret ?? known ?? madeSecret ?? ''
      return {
        stored: { provider, credentials: { url, secret } },
        facts: { url },
        ...(madeSecret !== undefined && { madeSecret }),
      }
    }
  }
}

/** Keys that are in use stay unless others are given: subscriptions hang on them. */
function vapidKeysOf(given: PushCredentials, known: VapidKeys | undefined): VapidKeys {
  if (given.publicKey === undefined && given.privateKey === undefined) {
    return known === undefined ? newVapidKeys() : { publicKey: known.publicKey, privateKey: known.privateKey }
  }
  const keys = {
    publicKey: required('publicKey', given.publicKey).replace(/=+$/, ''),
    privateKey: required('privateKey', given.privateKey).replace(/=+$/, ''),
  }
  if (!vapidKeysFit(keys)) throw invalid('privateKey', 'does not belong to publicKey')
  return keys
}

function requireKey(path: string, pem: string, type: 'ec' | 'rsa'): void {
  let key: KeyObject
  try {
    key = createPrivateKey(pem)
  } catch {
    throw invalid(path, 'is not a private key in PEM')
  }
  const fits = key.asymmetricKeyType === type
  const curve = key.asymmetricKeyDetails?.namedCurve
  if (!fits || (type === 'ec' && curve !== 'prime256v1')) throw invalid(path, `is not a key of type ${type}`)
}

function required<T>(path: string, value: T | undefined): T {
  if (value === undefined) throw invalid(path, 'is required for this provider')
  return value
}

export function invalid(path: string, message: string): AppError {
  return new AppError('invalid-request', undefined, { issues: [{ path, message }] })
}

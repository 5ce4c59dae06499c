import type { PushDevice } from '@parley/contracts'
import { ParleyError } from '../parley-error.ts'
import { Rest } from '../rest.ts'

export interface WebPushOptions {
  /** Address of the server. */
  url: string
  /** Answers a user token. */
  getToken: () => Promise<string> | string
  /** Names this browser among the devices of the user: the same as `parley.deviceId`, or one kept by the page. */
  deviceId: string
  /** Of a worker that shows pushes, such as `@parley/client/parley-push.js` hosted by the page. */
  registration: ServiceWorkerRegistration
  /** Texts come in this language. Default: the browser's. */
  language?: string
}

/**
 * Asks for permission, subscribes the browser and registers it. Call it from a tap of the user, as browsers demand.
 * Throws a ParleyError: `push-unsupported`, `permission-denied`, or what the server answers (`not-found` while the project
 * has no web push keys).
 */
export async function enableWebPush(options: WebPushOptions): Promise<PushDevice> {
  const { registration, deviceId } = options
  if (!('pushManager' in registration) || typeof Notification === 'undefined')
    throw new ParleyError('push-unsupported', 'This browser takes no pushes', { retryable: false })
  if ((await Notification.requestPermission()) !== 'granted')
    throw new ParleyError('permission-denied', 'The user does not allow notifications', { retryable: false })
  const rest = restOf(options)
  const { publicKey } = await rest.call<{ publicKey: string }>('GET', '/v1/push/web-push-key')
  const { endpoint, keys } = (await subscribe(registration, publicKey)).toJSON()
  return rest.call<PushDevice>('PUT', devicePath(deviceId), {
    body: {
      provider: 'web-push',
      subscription: { endpoint, keys },
      language: options.language ?? navigator.language,
      timeZone: Intl.DateTimeFormat().resolvedOptions().timeZone,
    },
  })
}

/** Ends pushes to this browser, as before signing out. */
export async function disableWebPush(options: WebPushOptions): Promise<void> {
  const subscription = await options.registration.pushManager.getSubscription()
  await subscription?.unsubscribe()
  try {
    await restOf(options).call('DELETE', devicePath(options.deviceId))
  } catch (error) {
    if (!(error instanceof ParleyError && error.code === 'not-found')) throw error
  }
}

/** A subscription made under other keys is replaced. */
async function subscribe(
  registration: ServiceWorkerRegistration,
  publicKey: string,
): Promise<PushSubscription> {
  const applicationServerKey = bytesOf(publicKey)
  const before = await registration.pushManager.getSubscription()
  if (before !== null) {
    const key = before.options.applicationServerKey
    if (key !== null && sameBytes(new Uint8Array(key), applicationServerKey)) return before
    await before.unsubscribe()
  }
  return registration.pushManager.subscribe({ userVisibleOnly: true, applicationServerKey })
}

function restOf({ url, getToken }: WebPushOptions): Rest {
  return new Rest({ url, token: () => '', renewToken: async () => getToken() })
}

const devicePath = (deviceId: string): string => `/v1/push/devices/${encodeURIComponent(deviceId)}`

function bytesOf(base64url: string): Uint8Array<ArrayBuffer> {
  const text = atob(base64url.replaceAll('-', '+').replaceAll('_', '/'))
  return Uint8Array.from(text, (character) => character.charCodeAt(0))
}

const sameBytes = (a: Uint8Array, b: Uint8Array): boolean =>
  a.length === b.length && a.every((byte, index) => byte === b[index])

import type { PushProvider } from '@parley/contracts'
import type { Logger } from '@parley/core/kernel'
import type { Database } from '@parley/core/store'
import type { PushOutcome, PushRequest } from '../adapter.ts'
import type { ApnsAdapter } from '../apns/apns-adapter.ts'
import type { PushSettings } from '../config.ts'
import type { DeviceStore } from '../device/device-store.ts'
import type { FcmAdapter } from '../fcm/fcm-adapter.ts'
import type { HttpPushAdapter } from '../http/http-adapter.ts'
import type { PushPorts } from '../ports.ts'
import type { ProviderCredentials } from '../provider/credentials.ts'
import type { ProviderStore } from '../provider/provider-store.ts'
import type { WebPushAdapter } from '../web-push/web-push-adapter.ts'
import type { DeliveryStore, DueDelivery } from './delivery-store.ts'

export interface Adapters {
  'web-push': WebPushAdapter
  apns: ApnsAdapter
  fcm: FcmAdapter
  http: HttpPushAdapter
}

export interface DispatchOptions {
  database: Database
  settings: PushSettings
  ports: PushPorts
  deliveries: DeliveryStore
  devices: DeviceStore
  providers: ProviderStore
  adapters: Adapters
  logger: Logger
  onAttempt: (provider: PushProvider, outcome: PushOutcome['kind']) => void
}

const longestPauseMs = 3_600_000

/** Makes one attempt at one push and notes how it ended. */
export class Dispatch {
  readonly #options: DispatchOptions

  constructor(options: DispatchOptions) {
    this.#options = options
  }

  async attempt(delivery: DueDelivery, signal: AbortSignal): Promise<void> {
    const { deliveries, providers, database } = this.#options
    const { device, projectId } = delivery
    if (device === undefined) {
      const detail = 'the device is registered no longer'
      return deliveries.settle(delivery, { state: 'failed', reason: 'unregistered', detail })
    }
    if (delivery.expiresAtMs <= Date.now()) {
      return deliveries.settle(delivery, { state: 'failed', reason: 'expired' })
    }
    // Meanwhile a device of the user may have come back and taken the message.
    if (delivery.attempt > 1 && (await this.#isTaken(delivery))) {
      return deliveries.settle(delivery, { state: 'suppressed', reason: 'online-took' })
    }
    const credentials = await providers.credentials(database.project(projectId), projectId, device.provider)
    if (credentials === undefined) {
      return deliveries.settle(delivery, { state: 'failed', reason: 'no-provider' })
    }
    const outcome = await this.#send(credentials, await this.#requestOf(delivery, device.token), signal)
    if (signal.aborted && outcome.kind === 'later') return deliveries.retryLater(delivery, 0, outcome.detail)
    this.#options.onAttempt(device.provider, outcome.kind)
    await this.#conclude(delivery, device.token, outcome)
  }

  async #isTaken({ projectId, conversationId, seq, userId }: DueDelivery): Promise<boolean> {
    if (conversationId === undefined || seq === undefined) return false
    const userIds = [userId]
    return (await this.#options.ports.deliveries.taken({ projectId, conversationId, seq, userIds })).has(
      userId,
    )
  }

  async #requestOf(delivery: DueDelivery, token: string): Promise<PushRequest> {
    const { projectId, userId, id, notification, conversationId, expiresAtMs } = delivery
    const badge =
      conversationId === undefined
        ? undefined
        : await this.#options.ports.conversations.unreadTotal(projectId, userId)
    return {
      pushId: id,
      token,
      ttlMs: Math.max(0, expiresAtMs - Date.now()),
      notification: {
        ...notification,
        data: { ...notification.data, pushId: id },
        ...(badge !== undefined && { badge }),
      },
    }
  }

  #send(stored: ProviderCredentials, request: PushRequest, signal: AbortSignal): Promise<PushOutcome> {
    const { adapters } = this.#options
    switch (stored.provider) {
      case 'web-push':
        return adapters['web-push'].send(stored.credentials, request, signal)
      case 'apns':
        return adapters.apns.send(stored.credentials, request, signal)
      case 'fcm':
        return adapters.fcm.send(stored.credentials, request, signal)
      case 'http':
        return adapters.http.send(stored.credentials, request, signal)
    }
  }

  async #conclude(delivery: DueDelivery, token: string, outcome: PushOutcome): Promise<void> {
    const { deliveries, devices, database, settings } = this.#options
    const { detail } = outcome
    switch (outcome.kind) {
      case 'sent':
        return deliveries.settle(delivery, { state: 'sent', detail })
      case 'gone': {
        const { projectId, userId, deviceId } = delivery
        const { sinceMs } = outcome
        await devices.forget(database.system, projectId, { userId, deviceId, token, sinceMs })
        return deliveries.settle(delivery, { state: 'failed', reason: outcome.reason, detail })
      }
      case 'refused':
        return deliveries.settle(delivery, { state: 'failed', reason: outcome.reason, detail })
      case 'later': {
        const pauseMs = pauseAfter(delivery.attempt, settings.retryMs, outcome.retryAfterMs)
        if (delivery.attempt >= settings.maxAttempts)
          return deliveries.settle(delivery, { state: 'failed', reason: 'unreachable', detail })
        if (Date.now() + pauseMs >= delivery.expiresAtMs)
          return deliveries.settle(delivery, { state: 'failed', reason: 'expired', detail })
        return deliveries.retryLater(delivery, pauseMs, outcome.detail)
      }
    }
  }
}

/** Doubles from `firstMs`, give or take a fifth, and is never shorter than what the service asked for. */
function pauseAfter(attempt: number, firstMs: number, askedMs: number | undefined): number {
  // A connection that is to be used anew: at once, the first time.
  if (askedMs === 0 && attempt === 1) return 0
  const pauseMs = Math.min(longestPauseMs, firstMs * 2 ** Math.min(30, attempt - 1))
  return Math.max(askedMs ?? 0, Math.round(pauseMs * (0.8 + Math.random() * 0.4)))
}

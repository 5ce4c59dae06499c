import type { Bus } from '@parley/core/bus'
import type { Closable, Logger, Scope } from '@parley/core/kernel'
import type { Metrics } from '@parley/core/metrics'
import type { Outbox } from '@parley/core/outbox'
import type { MasterKey } from '@parley/core/secrets'
import type { Database } from '@parley/core/store'
import { OutgoingCalls, type OutgoingGuard } from '@parley/core/webhooks'
import { ApnsAdapter } from './apns/apns-adapter.ts'
import type { PushSettings } from './config.ts'
import { DeviceStore } from './device/device-store.ts'
import { FcmAdapter } from './fcm/fcm-adapter.ts'
import { HttpPushAdapter } from './http/http-adapter.ts'
import { DeliveryStore, type DueDelivery, targetOf } from './pipeline/delivery-store.ts'
import { type Adapters, Dispatch } from './pipeline/dispatch.ts'
import { DueWork } from './pipeline/due-work.ts'
import { Expansion } from './pipeline/expansion.ts'
import { type Run, RunStore } from './pipeline/run-store.ts'
import type { PushPorts } from './ports.ts'
import { PreferenceStore } from './preference/preference-store.ts'
import { ProviderStore } from './provider/provider-store.ts'
import { TemplateStore } from './template/template-store.ts'
import { WebPushAdapter } from './web-push/web-push-adapter.ts'

export interface PushServiceOptions {
  database: Database
  outbox: Outbox
  bus: Bus
  masterKey: MasterKey
  metrics: Metrics
  logger: Logger
  scope: Scope
  settings: PushSettings
  guard: OutgoingGuard
  ports: PushPorts
}

const runAdded = 'push.run-added'
const deliveryAdded = 'push.delivery-added'
/** A process that is silent for so long has lost what it was working on. */
const runLeaseMs = 30_000
const deliveryMarginMs = 15_000
const rereadMs = 2_000
const perTarget = 32
const runsAtOnce = 8
const socketsPerHost = 32
const hourMs = 3_600_000

/** Pushes for whoever could not be reached otherwise; rules: SPEC.md. Owns its loops and connections. */
export class PushService implements Closable {
  readonly devices: DeviceStore
  readonly providers: ProviderStore
  readonly preferences: PreferenceStore
  readonly templates: TemplateStore
  readonly deliveries: DeliveryStore
  readonly settings: PushSettings
  readonly guard: OutgoingGuard
  readonly #options: PushServiceOptions
  readonly #scope: Scope

  constructor(options: PushServiceOptions) {
    const { database, masterKey, settings, guard, ports, logger } = options
    this.#options = options
    this.#scope = options.scope.child('push')
    this.settings = settings
    this.guard = guard
    this.devices = new DeviceStore(settings.devicesPerUser)
    this.providers = new ProviderStore(masterKey)
    this.preferences = new PreferenceStore(settings.mutedConversations)
    this.templates = new TemplateStore(settings.maxTemplates)
    this.deliveries = new DeliveryStore(database, settings.timeoutMs * 2 + deliveryMarginMs)
    const runs = new RunStore(database, runLeaseMs)
    const { deliveries, preferences, templates, devices, providers } = this
    const expansion = new Expansion({
      ...{ database, settings, ports, runs, deliveries, preferences, templates, logger },
      onAdded: () => this.announce(),
    })
    const attempts = options.metrics.counter({
      name: 'push_attempts_total',
      help: 'Attempts to hand a push to a push service',
      labels: ['provider', 'outcome'],
    })
    const dispatch = new Dispatch({
      ...{ database, settings, ports, deliveries, devices, providers, logger },
      adapters: this.#openAdapters(),
      onAttempt: (provider, outcome) => attempts.inc({ provider, outcome }),
    })
    this.#startExpanding(runs, expansion)
    this.#startSending(dispatch)
    this.#scope.every('forget', hourMs, () => deliveries.forget(settings.keepDays))
  }

  /** Something waits: wakes every process. */
  announce(): void {
    if (!this.#scope.closed) this.#options.bus.publish(deliveryAdded, null)
  }

  close(): Promise<void> {
    return this.#scope.close()
  }

  #openAdapters(): Adapters {
    const { settings, guard } = this.#options
    const { timeoutMs } = settings
    const calls = this.#scope.own('calls', new OutgoingCalls(guard, { socketsPerHost }))
    return {
      'web-push': new WebPushAdapter({ calls, timeoutMs }),
      apns: this.#scope.own('apns', new ApnsAdapter({ timeoutMs, origin: settings.apnsUrl })),
      fcm: new FcmAdapter({ calls, timeoutMs, origin: settings.fcmUrl }),
      http: new HttpPushAdapter({ calls, timeoutMs }),
    }
  }

  #startExpanding(runs: RunStore, expansion: Expansion): void {
    const { outbox, bus, settings, logger } = this.#options
    const work = new DueWork<Run>({
      ...{ name: 'expand', scope: this.#scope, logger, rereadMs, drainMs: 2_000 },
      ...{ concurrency: runsAtOnce, batch: runsAtOnce, perKey: runsAtOnce },
      keyOf: (run) => run.conversationId,
      claim: (limit) => runs.claim(limit),
      nextDueMs: () => runs.nextDueMs(),
      work: (run, signal) => expansion.run(run, signal),
    })
    this.#wakeOn(runAdded, work)
    outbox.consume('push', {
      types: ['conversation.appended'],
      handle: async (events) => {
        if (await runs.add(events, settings.delayMs)) bus.publish(runAdded, null)
      },
    })
  }

  #startSending(dispatch: Dispatch): void {
    const { settings, logger } = this.#options
    const work = new DueWork<DueDelivery>({
      ...{ name: 'send', scope: this.#scope, logger, rereadMs, drainMs: 2_000 },
      ...{ concurrency: settings.concurrency, batch: perTarget, perKey: perTarget },
      keyOf: targetOf,
      claim: (limit, busy) => this.deliveries.claim(limit, busy),
      nextDueMs: () => this.deliveries.nextDueMs(),
      work: (delivery, signal) => dispatch.attempt(delivery, signal),
    })
    this.#wakeOn(deliveryAdded, work)
  }

  #wakeOn(topic: string, work: { wake(): void }): void {
    const { bus } = this.#options
    const stops = [bus.subscribe(topic, () => work.wake()), bus.onGap(() => work.wake())]
    this.#scope.onClose(topic, () => {
      for (const stop of stops) stop()
    })
  }
}

import { randomUUID } from 'node:crypto'
import type { DomainEventType, WebhookEventType } from '@parley/contracts'
import type { Bus } from '@parley/core/bus'
import type { Closable, Logger, Scope } from '@parley/core/kernel'
import type { Metrics } from '@parley/core/metrics'
import type { Outbox } from '@parley/core/outbox'
import type { MasterKey } from '@parley/core/secrets'
import type { Database } from '@parley/core/store'
import { z } from 'zod'
import { BlockingHooks } from './blocking-hooks.ts'
import { CircuitBreaker } from './circuit-breaker.ts'
import { DeliveryQueues } from './delivery-queues.ts'
import { Dispatcher, type DispatcherTimes } from './dispatcher.ts'
import { EndpointCache } from './endpoint-cache.ts'
import { EndpointStore } from './endpoint-store.ts'
import { Intake } from './intake.ts'
import { webhookMigrations } from './migrations.ts'
import { OutgoingCalls } from './outgoing-calls.ts'
import { OutgoingGuard, type Resolver } from './outgoing-guard.ts'
import type { WebhookSource } from './public-event.ts'
import { forgetOldDeliveries } from './retention.ts'
import type { WebhookSettings } from './settings.ts'

export interface WebhooksOptions {
  database: Database
  outbox: Outbox
  bus: Bus
  masterKey: MasterKey
  metrics: Metrics
  logger: Logger
  scope: Scope
  settings: WebhookSettings
  /** Development mode: receivers on this machine are fine. */
  allowLoopback: boolean
  resolver?: Resolver
  times?: Partial<Pick<DispatcherTimes, 'leaseMs' | 'rereadMs' | 'drainMs'>>
}

const queued = 'webhooks.queued'
const circuitChanged = 'webhooks.circuit-changed'
const circuitNotice = z.object({
  endpointId: z.string(),
  state: z.enum(['open', 'closed']),
  from: z.string(),
})
const maxQuestions = 256
const hourMs = 3_600_000

/**
 * Tells customers' servers what happened, and asks them before it does. It owns its consumer, its dispatcher and the
 * connections it keeps; rules: SPEC.md.
 */
export class Webhooks implements Closable {
  readonly endpoints: EndpointStore
  readonly hooks: BlockingHooks
  readonly guard: OutgoingGuard
  /** Which blocking hooks are spared now. */
  readonly circuits: CircuitBreaker
  /** To be told of every change of an endpoint. */
  readonly cache: EndpointCache
  readonly #options: WebhooksOptions
  readonly #scope: Scope
  readonly #calls: OutgoingCalls
  readonly #sources = new Map<DomainEventType, WebhookSource>()
  readonly #attempts
  /** Tells own notices from those of others. */
  readonly #id = randomUUID()
  #started = false

  private constructor(options: WebhooksOptions) {
    const { database, bus, masterKey, metrics, settings, allowLoopback, resolver } = options
    this.#options = options
    this.#scope = options.scope.child('webhooks')
    const allow = settings.allow
    this.guard = new OutgoingGuard({ allow, allowLoopback, ...(resolver && { resolver }) })
    this.#calls = new OutgoingCalls(this.guard, { socketsPerHost: settings.perEndpoint })
    this.#scope.own('calls', this.#calls)
    this.endpoints = new EndpointStore({ database, masterKey, maxEndpoints: settings.maxEndpoints })
    this.cache = new EndpointCache({ store: this.endpoints, bus, ttlMs: 1_000 })
    this.#scope.onClose('cache', () => this.cache.close())
    this.#attempts = metrics.counter({
      name: 'webhook_attempts_total',
      help: 'Attempts to deliver a webhook',
      labels: ['outcome'],
    })
    const answers = metrics.counter({
      name: 'blocking_hook_answers_total',
      help: 'Verdicts of blocking hooks; default where no valid answer came in time',
      labels: ['hook', 'outcome'],
    })
    this.circuits = this.#openCircuits()
    this.hooks = new BlockingHooks({
      cache: this.cache,
      circuits: this.circuits,
      calls: this.#calls,
      logger: options.logger,
      maxInFlight: maxQuestions,
      onAnswer: (hook, outcome) => answers.inc({ hook, outcome }),
    })
  }

  /** Migrates. Nothing is read or sent before `start`. Owned by the scope. */
  static async open(options: WebhooksOptions): Promise<Webhooks> {
    await options.database.migrate(webhookMigrations)
    return new Webhooks(options)
  }

  /** Says what customers hear of a type of domain event. Before `start`. */
  source(type: DomainEventType, source: WebhookSource): void {
    if (this.#started) throw new Error(`the webhook source of ${type} comes too late`)
    if (this.#sources.has(type)) throw new Error(`${type} has a webhook source already`)
    this.#sources.set(type, source)
  }

  /** Domain events that customers hear of as they are. `subject` says what one is about. */
  forward(type: DomainEventType & WebhookEventType): void {
    this.source(type, (_project, event) => [
      { id: event.id, type, subject: event.resource, time: event.occurredAt, data: event.data },
    ])
  }

  /** Begins to take events and to send them, once every source is known. */
  start(): void {
    const { database, outbox, bus, logger, settings, times } = this.#options
    if (this.#started) throw new Error('webhooks have started already')
    this.#started = true
    const leaseMs = times?.leaseMs ?? Math.max(settings.leaseMs, 2 * settings.timeoutMs)
    const queues = new DeliveryQueues({ database, leaseMs })
    this.#scope.own('queues', queues)
    const dispatcher = new Dispatcher({
      queues,
      endpoints: this.endpoints,
      cache: this.cache,
      calls: this.#calls,
      logger,
      scope: this.#scope,
      concurrency: settings.concurrency,
      perEndpoint: settings.perEndpoint,
      times: {
        timeoutMs: settings.timeoutMs,
        retryScale: settings.retryScale,
        rereadMs: 2_000,
        drainMs: 2_000,
        ...times,
        leaseMs,
      },
      onAttempt: (outcome) => this.#attempts.inc({ outcome }),
    })
    const stops = [bus.subscribe(queued, () => dispatcher.wake()), bus.onGap(() => dispatcher.wake())]
    this.#scope.onClose('subscriptions', () => {
      for (const stop of stops) stop()
    })
    const intake = new Intake({
      database,
      endpoints: this.endpoints,
      sources: this.#sources,
      onQueued: () => this.announce(),
    })
    outbox.consume('webhooks', {
      types: [...this.#sources.keys()],
      handle: (events, { signal }) => intake.handle(events, signal),
    })
    this.#scope.every('forget', hourMs, () => forgetOldDeliveries(database, settings.keepDays))
  }

  /** The receiver of a blocking hook is another one now, or has other deadlines: it is asked again at once. */
  forgetCircuit(endpointId: string): void {
    this.circuits.adopt(endpointId, 'closed')
    this.#tellCircuit(endpointId, 'closed')
  }

  /** Something waits: wakes every dispatcher. */
  announce(): void {
    if (!this.#scope.closed) this.#options.bus.publish(queued, null)
  }

  close(): Promise<void> {
    return this.#scope.close()
  }

  /** What one process sees of a receiver spares it the questions of all. */
  #openCircuits(): CircuitBreaker {
    const { bus, logger, metrics, settings } = this.#options
    const circuits = new CircuitBreaker({
      threshold: settings.breakerTimeouts,
      coolingMs: settings.breakerCoolingMs,
      onChange: (endpointId, state) => {
        if (state === 'open') logger.warn({ webhook: endpointId }, 'a blocking hook is silent and is spared')
        else logger.info({ webhook: endpointId }, 'a blocking hook answers again')
        this.#tellCircuit(endpointId, state)
      },
    })
    metrics.gauge({
      name: 'blocking_hooks_silent',
      help: 'Blocking hooks that are not asked because they stopped answering in time',
      read: () => circuits.openCount,
    })
    const stop = bus.subscribe(circuitChanged, (payload) => {
      const notice = circuitNotice.safeParse(payload)
      if (notice.success && notice.data.from !== this.#id)
        circuits.adopt(notice.data.endpointId, notice.data.state)
    })
    this.#scope.onClose('circuits', stop)
    return circuits
  }

  #tellCircuit(endpointId: string, state: 'open' | 'closed'): void {
    if (!this.#scope.closed) this.#options.bus.publish(circuitChanged, { endpointId, state, from: this.#id })
  }
}

import type { Bus } from '@parley/core/bus'
import type { EndpointStore, Target } from './endpoint-store.ts'

const topic = 'webhooks.endpoint-changed'
const maxEntries = 10_000

interface Entry<Value> {
  value: Promise<Value>
  untilMs: number
}

export interface EndpointCacheOptions {
  store: EndpointStore
  bus: Bus
  /** How old what is answered may be when a change was not heard of. Milliseconds. */
  ttlMs: number
}

/** Targets by id and blocking hooks by project, for paths that ask for each message. */
export class EndpointCache {
  readonly #options: EndpointCacheOptions
  readonly #targets = new Map<string, Entry<Target | undefined>>()
  readonly #blockers = new Map<string, Entry<Target[]>>()
  readonly #stops: (() => void)[]

  constructor(options: EndpointCacheOptions) {
    this.#options = options
    this.#stops = [options.bus.subscribe(topic, () => this.#clear()), options.bus.onGap(() => this.#clear())]
  }

  target(projectId: string, endpointId: string): Promise<Target | undefined> {
    const read = (): Promise<Target | undefined> => this.#options.store.target(projectId, endpointId)
    return this.#get(this.#targets, `${projectId}/${endpointId}`, read)
  }

  blockers(projectId: string): Promise<Target[]> {
    return this.#get(this.#blockers, projectId, () => this.#options.store.blockers(projectId))
  }

  /** Tells every process, this one at once. */
  changed(): void {
    this.#clear()
    this.#options.bus.publish(topic, null)
  }

  close(): void {
    for (const stop of this.#stops) stop()
  }

  #clear(): void {
    this.#targets.clear()
    this.#blockers.clear()
  }

  #get<Value>(entries: Map<string, Entry<Value>>, key: string, read: () => Promise<Value>): Promise<Value> {
    const known = entries.get(key)
    if (known && known.untilMs > performance.now()) return known.value
    if (entries.size >= maxEntries) entries.clear()
    const entry = { value: read(), untilMs: performance.now() + this.#options.ttlMs }
    entries.set(key, entry)
    entry.value.catch(() => {
      if (entries.get(key) === entry) entries.delete(key)
    })
    return entry.value
  }
}

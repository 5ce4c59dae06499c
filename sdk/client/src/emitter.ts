type Listener<Event> = (event: Event) => void

/** Typed events. `on` returns the function that takes the listener away again. */
export class Emitter<Events extends object> {
  readonly #listeners = new Map<keyof Events, Set<Listener<never>>>()

  on<Type extends keyof Events>(type: Type, listener: Listener<Events[Type]>): () => void {
    const listeners = this.#listeners.get(type) ?? new Set()
    this.#listeners.set(type, listeners)
    listeners.add(listener)
    return () => {
      listeners.delete(listener)
    }
  }

  /** @internal */
  hasListeners(type: keyof Events): boolean {
    return (this.#listeners.get(type)?.size ?? 0) > 0
  }

  protected emit<Type extends keyof Events>(type: Type, event: Events[Type]): void {
    for (const listener of [...(this.#listeners.get(type) ?? [])]) {
      try {
        ;(listener as Listener<Events[Type]>)(event)
      } catch (error) {
        // A fault of one listener stays the fault of the application and must not stop the delivery to others.
        queueMicrotask(() => {
          throw error
        })
      }
    }
  }

  protected dropListeners(): void {
    this.#listeners.clear()
  }
}

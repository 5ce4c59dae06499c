import { type Outgoing, wireOf } from './encoded-frame.ts'

const candidates = 8

/**
 * Members of one group wait for the same events, so the frames that join them are the same bytes: joined once,
 * written to all. Remembers the last few of a round of writes; cleared after it, so that it keeps nothing alive.
 */
export class SharedBatches {
  #recent: { items: readonly Outgoing[]; wire: Buffer }[] = []

  wireOf(items: readonly Outgoing[]): Buffer {
    if (items.length === 1) return wireOf(items)
    for (const batch of this.#recent) if (sameItems(batch.items, items)) return batch.wire
    const wire = wireOf(items)
    if (typeof items[0] !== 'string') this.#remember(items, wire)
    return wire
  }

  clear(): void {
    if (this.#recent.length > 0) this.#recent = []
  }

  #remember(items: readonly Outgoing[], wire: Buffer): void {
    if (this.#recent.length === candidates) this.#recent.shift()
    this.#recent.push({ items, wire })
  }
}

function sameItems(a: readonly Outgoing[], b: readonly Outgoing[]): boolean {
  if (a.length !== b.length) return false
  for (let index = 0; index < a.length; index++) if (a[index] !== b[index]) return false
  return true
}

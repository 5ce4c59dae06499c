import type { ChatTarget, ConnectOptions, LoadClient } from './target.ts'

/** Runs the work for each item, so many at a time, in order of the items. */
export async function eachOf<Item, Result>(
  items: readonly Item[],
  atOnce: number,
  work: (item: Item) => Promise<Result>,
): Promise<Result[]> {
  const results = new Array<Result>(items.length)
  let next = 0
  const worker = async (): Promise<void> => {
    for (let index = next++; index < items.length; index = next++) {
      const item = items[index]
      if (item !== undefined) results[index] = await work(item)
    }
  }
  await Promise.all(Array.from({ length: Math.min(atOnce, items.length) }, worker))
  return results
}

export function connectAll(
  target: ChatTarget,
  connections: readonly ConnectOptions[],
  atOnce = 200,
): Promise<LoadClient[]> {
  return eachOf(connections, atOnce, (connection) => target.connect(connection))
}

export function closeAll(clients: readonly LoadClient[]): void {
  for (const client of clients) client.close()
}

/** `prefix-0`, `prefix-1` ... */
export function names(prefix: string, count: number): string[] {
  return Array.from({ length: count }, (_, index) => `${prefix}-${index}`)
}

/** The item at the place of a round that never ends. */
export function turn<Item>(items: readonly Item[], index: number): Item {
  const item = items[index % items.length]
  if (item === undefined) throw new Error('nothing to take turns')
  return item
}

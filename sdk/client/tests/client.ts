import { vi } from 'vitest'
import { memoryStorage, Parley, type ParleyOptions, type Storage } from '../src/index.ts'
import type { FakeServer } from './fake-server.ts'

/** Connects as a user under the fake clock. */
export async function connect(
  server: FakeServer,
  userId: string,
  options: Partial<ParleyOptions> & { kept?: Storage } = {},
): Promise<Parley> {
  const { kept = memoryStorage(), ...rest } = options
  const connecting = Parley.connect({
    url: 'http://localhost',
    getToken: () => server.tokenOf(userId),
    openSocket: server.openSocket,
    storage: () => kept,
    ...rest,
  })
  connecting.catch(() => undefined)
  await vi.advanceTimersByTimeAsync(200)
  return connecting
}

export const pass = (ms: number) => vi.advanceTimersByTimeAsync(ms)

import type { DevCloud } from '@parley/testing/devcloud'
import { Parley, type ParleyOptions } from '../src/index.ts'

/** Clients that a test has connected to real servers; whoever made them closes them behind each test. */
export class ConnectedClients {
  readonly #cloud: DevCloud
  readonly #opened: Parley[] = []

  constructor(cloud: DevCloud) {
    this.#cloud = cloud
  }

  /** @param server which of the servers, counted from 0 */
  async connect(
    userId: string,
    { server = 0, ...options }: Partial<ParleyOptions> & { server?: number } = {},
  ): Promise<Parley> {
    const url = this.#cloud.servers[server]?.url ?? this.#cloud.url
    const getToken = () => this.#cloud.token(userId)
    const parley = await Parley.connect({ url, getToken, ...options })
    this.#opened.push(parley)
    return parley
  }

  async close(): Promise<void> {
    for (const parley of this.#opened.splice(0)) await parley.close()
  }
}

/** Fails when it does not come to hold within 15 seconds. */
export async function until(what: string, holds: () => boolean): Promise<void> {
  for (let waited = 0; !holds(); waited += 20) {
    if (waited > 15_000) throw new Error(`never: ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

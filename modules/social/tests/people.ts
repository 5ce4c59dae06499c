import { type DevCloud, RealtimeClient } from '@parley/testing/devcloud'

export interface Answer {
  status: number
  // biome-ignore lint/suspicious/noExplicitAny: answers are looked into by tests
  body: any
}

export interface Person {
  id: string
  call(method: string, path: string, body?: unknown, server?: number): Promise<Answer>
  connect(server?: number): Promise<RealtimeClient>
}

export type People = ReturnType<typeof people>

/** Users of a cloud under test, each with a token of their own. */
export function people(cloud: DevCloud) {
  let count = 0
  const opened: RealtimeClient[] = []
  const fresh = (name: string): string => `${name}-${++count}`

  const one = async (name: string): Promise<Person> => {
    const id = fresh(name)
    const token = await cloud.token(id)
    return {
      id,
      call: (method, path, body, server = 0) =>
        cloud.call(method, path, body, { token, server }) as Promise<Answer>,
      connect: async (server = 0) => {
        const client = await RealtimeClient.connect(
          cloud.servers[server]?.url ?? cloud.url,
          token,
          fresh('device'),
        )
        opened.push(client)
        return client
      },
    }
  }

  return {
    fresh,
    make: async <Names extends string[]>(...names: Names) =>
      (await Promise.all(names.map(one))) as { [Key in keyof Names]: Person },
    befriend: async (a: Person, b: Person): Promise<void> => {
      const asked = await a.call('POST', '/v1/friend-requests', { toUserId: b.id })
      const accepted = await b.call('POST', `/v1/friend-requests/${asked.body.request.id}/accept`)
      if (accepted.status !== 200) throw new Error(JSON.stringify(accepted.body))
    },
    eventually: async <T>(look: () => Promise<T | undefined>, timeoutMs = 10_000): Promise<T> => {
      const deadline = Date.now() + timeoutMs
      for (;;) {
        const answer = await look()
        if (answer !== undefined) return answer
        if (Date.now() > deadline) throw new Error('it did not happen in time')
        await new Promise((resolve) => setTimeout(resolve, 20))
      }
    },
    close: async (): Promise<void> => {
      for (const client of opened) await client.close()
    },
  }
}

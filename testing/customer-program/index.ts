import { memoryStorage, Parley } from '@parley/client'
import { ParleyServer } from '@parley/server'

/**
 * A customer's program beside its own trust store, told what to do by its parent: `say` sends a message as alice and
 * answers what bob received; `file` uploads one and reads it back; `states` answers what the connection went through.
 */
async function main(): Promise<void> {
  const { url, keyId, keySecret } = JSON.parse(process.argv[2] ?? '{}') as Record<string, string>
  if (url === undefined || keyId === undefined || keySecret === undefined) throw new Error('tell me where')
  const server = new ParleyServer({ url, keyId, keySecret })
  const open = async (userId: string): Promise<Parley> => {
    await server.createUser({ id: userId })
    const getToken = async () => server.mintToken({ userId, ttlMs: 600_000 })
    return Parley.connect({ url, getToken, storage: memoryStorage })
  }
  const [alice, bob] = [await open('alice'), await open('bob')]
  const states: string[] = []
  alice.on('state', ({ status }) => states.push(status))
  const toBob = await alice.chat.direct('bob')
  const waiting: ((text: string) => void)[] = []
  bob.chat.on('message', ({ message }) => {
    if (message.content.type === 'text') waiting.shift()?.(message.content.text)
  })
  const say = async (words: string): Promise<string> => {
    const heard = new Promise<string>((resolve) => waiting.push(resolve))
    await toBob.send({ text: words })
    return heard
  }
  const file = async (words: string): Promise<string> => {
    const { id, uploadUrl } = await server.createUpload({
      name: 'note.txt',
      contentType: 'text/plain',
      sizeBytes: Buffer.byteLength(words),
    })
    const put = await fetch(uploadUrl, { method: 'PUT', body: words })
    if (!put.ok) throw new Error(`the upload was answered with ${put.status}`)
    const { url: address } = await server.getObject({ objectId: id })
    const read = await fetch(address ?? '')
    return `${new URL(uploadUrl).origin} ${await read.text()}`
  }
  const tell = (answer: unknown): void => {
    process.send?.(answer)
  }
  process.on('message', ({ what, words = '' }: { what: 'say' | 'file' | 'states'; words?: string }) => {
    if (what === 'states') return tell({ answer: states })
    const work = what === 'say' ? say(words) : file(words)
    work.then(
      (answer) => tell({ answer }),
      (error: unknown) => tell({ error: String(error) }),
    )
  })
  tell({ answer: 'ready' })
}

main().catch((error: unknown) => {
  process.send?.({ error: `${error} ${(error as Error).cause}` })
})

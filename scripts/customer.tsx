// A project of a customer, compiled against the published declarations alone (`scripts/declarations.mjs --check`).
import { Parley, type ParleyErrorCode } from '@parley/client'
import { noiseSuppression } from '@parley/client/noise-suppression'
import { VirtualBackground } from '@parley/client/virtual-background'
import { ParleyProvider, useParticipants } from '@parley/react'
import { ParleyServer } from '@parley/server'

const server = new ParleyServer({ url: 'http://localhost:7700', keyId: 'key_1', keySecret: 'secret' })
export const { id } = await server.sendMessage({
  fromUserId: 'alice',
  toUserId: 'bob',
  clientMessageId: '1',
  content: { type: 'text', text: 'hello' },
})

const getToken = async (): Promise<string> => server.mintToken({ userId: 'alice', ttlMs: 3_600_000 })
export const parley = await Parley.connect({ url: 'http://localhost:7700', getToken })
const chat = await parley.chat.direct('bob')
chat.on('message', (message) => {
  if (message.content.type === 'text') message.content.text.toUpperCase()
  // @ts-expect-error the declarations are not `any`
  message.content.nothing.toUpperCase()
})
await chat.send({ text: 'hello' })
const room = await parley.rtc.join('standup', { audio: true, video: true })
room.on('track-subscribed', ({ track, participant }) => [track.kind, participant.userId])
const urls = { workletUrl: '/worklet.js', wasmUrl: '/rnnoise.wasm', simdWasmUrl: '/rnnoise_simd.wasm' }
await room.setAudioProcessor(noiseSuppression(urls))
await room.setVideoProcessor(new VirtualBackground({ background: { type: 'blur' } }))
export const code: ParleyErrorCode = 'forbidden'

const Names = () => useParticipants(room).map(({ id, userId }) => <li key={id}>{userId}</li>)
export const Meeting = () => (
  <ParleyProvider parley={parley}>
    <Names />
  </ParleyProvider>
)

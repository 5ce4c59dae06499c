import { Agent, request } from 'node:http'
import { signJwt } from '@parley/protocols/jwt'
import type { Door, DoorAddress, Negotiation } from '../load/door.ts'

/** A user may open 200 sessions at once and 50 a second; players are spread over this many users a process. */
const users = 40
const dayMs = 86_400_000

export type ParleyAddress = Extract<DoorAddress, { kind: 'parley' }>

/** Lets a user do everything in the room of the address, for a day. */
export function userToken(
  { keyId, keySecret, roomId }: Pick<ParleyAddress, 'keyId' | 'keySecret' | 'roomId'>,
  userId: string,
): string {
  const now = Date.now()
  const grants = { rtc: { room: roomId, publish: true, subscribe: true } }
  return signJwt({ iss: keyId, sub: userId, iat: now / 1000, exp: (now + dayMs) / 1000, grants }, keySecret)
}

/** WHIP and WHEP. */
export class ParleyDoor implements Door {
  readonly #address: ParleyAddress
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 64 })
  #turn = 0

  constructor(address: ParleyAddress) {
    this.#address = address
  }

  async publish(peer: Negotiation): Promise<void> {
    const token = this.#token('publisher')
    const { text } = await this.#post('whip', token, await peer.offer())
    peer.accept(text)
  }

  async play(peer: Negotiation): Promise<() => Promise<void>> {
    const token = this.#token(`${this.#address.audience}-${this.#turn++ % users}`)
    const { text, location } = await this.#post('whep', token, await peer.offer())
    peer.accept(text)
    return async () => {
      await this.#call('DELETE', location, token)
    }
  }

  close(): void {
    this.#agent.destroy()
  }

  #token(userId: string): string {
    return userToken(this.#address, userId)
  }

  async #post(
    kind: 'whip' | 'whep',
    token: string,
    sdp: string,
  ): Promise<{ text: string; location: string }> {
    const path = `/v1/rtc/rooms/${this.#address.roomId}/${kind}`
    const { status, text, location } = await this.#call('POST', path, token, sdp)
    if (status !== 201) throw new Error(`POST ${path}: ${status} ${text}`)
    return { text, location }
  }

  #call(
    method: string,
    path: string,
    token: string,
    body = '',
  ): Promise<{ status: number; text: string; location: string }> {
    return new Promise((resolve, reject) => {
      const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/sdp' }
      const call = request(
        new URL(path, this.#address.url),
        { agent: this.#agent, method, headers },
        (answer) => {
          const chunks: Buffer[] = []
          answer.on('data', (chunk: Buffer) => chunks.push(chunk))
          answer.on('end', () => {
            const { statusCode = 0, headers: received } = answer
            resolve({
              status: statusCode,
              text: Buffer.concat(chunks).toString(),
              location: received.location ?? '',
            })
          })
          answer.on('error', reject)
        },
      )
      call.on('error', reject)
      call.end(body)
    })
  }
}

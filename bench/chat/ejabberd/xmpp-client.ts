import type { Destination, LoadClient, LoadEvents } from '../load/target.ts'
import { eachNumber, markBytes, numberedText, readDigits } from '../load/text.ts'
import { XmppLink } from './xmpp-link.ts'

export interface XmppConnectOptions {
  port: number
  userId: string
  password: string
  events: LoadEvents
  roomIds: readonly string[]
}

const openStream =
  "<?xml version='1.0'?><stream:stream to='localhost' xmlns='jabber:client' " +
  "xmlns:stream='http://etherx.jabber.org/streams' version='1.0'>"
const ackMark = Buffer.from("<a h='")
const ackRequest = Buffer.from('<r xmlns')
const longestMark = Math.max(markBytes, ackMark.length + 12)

/**
 * One XMPP session: SASL PLAIN, bind, then either stream management (XEP-0198), whose `<a/>` acknowledges sends, or
 * rooms (XEP-0045), where a sender's own message coming back says that the room has archived and spread it.
 */
export class XmppClient implements LoadClient {
  readonly userId: string
  readonly #events: LoadEvents
  readonly #inRooms: boolean
  #link: XmppLink | undefined
  /** While the session is set up, and during requests, what came is kept as text. */
  #text: string | undefined = ''
  #expected: { until: string; resolve(text: string): void; reject(error: Error): void } | undefined
  /** The last bytes of the chunk before, in which a mark may begin. */
  #tail: Buffer = Buffer.alloc(0)
  /** Numbers that the server has not acknowledged, in the order sent. */
  #unacked: number[] = []
  readonly #unreflected = new Set<number>()
  #acked = 0
  #heard = 0
  #closing = false

  private constructor({ userId, events, roomIds }: XmppConnectOptions) {
    this.userId = userId
    this.#events = events
    this.#inRooms = roomIds.length > 0
  }

  static async connect(options: XmppConnectOptions): Promise<XmppClient> {
    const client = new XmppClient(options)
    client.#link = await XmppLink.open(options.port, {
      onBytes: (chunk) => client.#take(chunk),
      onClosed: () => client.#ended(),
    })
    const { userId, password, roomIds } = options
    const secret = Buffer.from(`\0${userId}\0${password}`).toString('base64')
    await client.#ask(openStream, '</stream:features>')
    await client.#ask(
      `<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>${secret}</auth>`,
      '<success',
    )
    await client.#ask(openStream, '</stream:features>')
    await client.#ask(
      "<iq type='set' id='bind'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><resource>load</resource></bind></iq>",
      '</iq>',
    )
    await client.#ask('<presence/>', '<presence')
    for (const roomId of roomIds) {
      await client.#ask(
        `<presence to='${roomId}@conference.localhost/${userId}'>` +
          "<x xmlns='http://jabber.org/protocol/muc'><history maxstanzas='0'/></x></presence>",
        '<subject',
      )
    }
    if (!client.#inRooms) await client.#ask("<enable xmlns='urn:xmpp:sm:3'/>", '<enabled')
    client.#text = undefined
    return client
  }

  send(destination: Destination, number: number): void {
    const body = `<body>${numberedText(number)}</body></message>`
    if ('groupId' in destination) {
      this.#unreflected.add(number)
      this.#link?.write(
        `<message to='${destination.groupId}@conference.localhost' type='groupchat' id='${number}'>${body}`,
      )
    } else {
      this.#unacked.push(number)
      this.#link?.write(
        `<message to='${destination.userId}@localhost' type='chat' id='${number}'>${body}<r xmlns='urn:xmpp:sm:3'/>`,
      )
    }
  }

  /** Messages of the user's own archive after a time (XEP-0313). */
  async archiveSince(start: string, peerId: string): Promise<number> {
    const field = (name: string, value: string): string =>
      `<field var='${name}'><value>${value}</value></field>`
    this.#text = ''
    const answer = await this.#ask(
      "<iq type='set' id='archive'><query xmlns='urn:xmpp:mam:2'><x xmlns='jabber:x:data' type='submit'>" +
        "<field var='FORM_TYPE' type='hidden'><value>urn:xmpp:mam:2</value></field>" +
        `${field('start', start)}${field('with', `${peerId}@localhost`)}</x>` +
        "<set xmlns='http://jabber.org/protocol/rsm'><max>50</max></set></query></iq>",
      '</fin></iq>',
    )
    this.#text = undefined
    return answer.split('<forwarded').length - 1
  }

  close(): void {
    this.#closing = true
    this.#link?.close()
  }

  #ask(stanza: string, until: string): Promise<string> {
    this.#text = ''
    return new Promise((resolve, reject) => {
      this.#expected = { until, resolve, reject }
      this.#link?.write(stanza)
    })
  }

  #take(chunk: Buffer): void {
    if (this.#text !== undefined) {
      this.#text += chunk.toString('latin1')
      const expected = this.#expected
      if (expected === undefined) return
      if (this.#text.includes('</failure>')) {
        this.#expected = undefined
        expected.reject(new Error(this.#text))
        return
      }
      if (!this.#text.includes(expected.until)) return
      this.#expected = undefined
      expected.resolve(this.#text)
      return
    }
    const bytes = this.#tail.length === 0 ? chunk : Buffer.concat([this.#tail, chunk])
    // What begins in the last bytes is looked at with the next chunk; marks that are whole before are taken now.
    const limit = cutOf(bytes)
    const whole = bytes.subarray(0, limit)
    this.#tail = Buffer.from(bytes.subarray(limit))
    this.#takeAcks(whole)
    eachNumber(whole, (number) => this.#hear(number))
    if (whole.indexOf(ackRequest) !== -1) this.#link?.write(`<a xmlns='urn:xmpp:sm:3' h='${this.#heard}'/>`)
  }

  #hear(number: number): void {
    this.#heard++
    if (this.#unreflected.delete(number)) this.#events.acked(number)
    this.#events.delivered(number)
  }

  #takeAcks(bytes: Buffer): void {
    let highest = this.#acked
    for (let at = bytes.indexOf(ackMark); at !== -1; at = bytes.indexOf(ackMark, at + 1)) {
      highest = Math.max(highest, readDigits(bytes, at + ackMark.length, at + longestMark))
    }
    const newly = this.#unacked.splice(0, highest - this.#acked)
    this.#acked = highest
    for (const number of newly) this.#events.acked(number)
  }

  #ended(): void {
    this.#expected?.reject(new Error(`the server closed the stream: ${this.#text ?? ''}`))
    this.#expected = undefined
    if (!this.#closing) this.#events.lost(this.userId)
  }
}

/** Where the last element or text that may not be whole begins: after the last `>` nothing is known to be whole. */
function cutOf(bytes: Buffer): number {
  return bytes.lastIndexOf(0x3e) + 1
}

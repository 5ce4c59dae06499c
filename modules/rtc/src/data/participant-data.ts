import type { DtlsRole, Transport } from '@parley/fastpath'
import type { SubscribeConnection } from '../connection/subscribe-connection.ts'
import type { Participant } from '../room/participant.ts'
import type { MediaWorker } from '../sfu/media-worker.ts'
import type { DataNews } from '../sfu/messages.ts'
import { maxDataMessageBytes } from './message-size.ts'

/**
 * The data channels of one participant, on its subscribe connection: those who only listen have one, too. Wanted by the client,
 * offered with the connection, open once the client has agreed and its channels stand.
 */
export class ParticipantData {
  readonly #participant: Participant
  #wanted = false
  #connection: SubscribeConnection | undefined
  #worker: MediaWorker | undefined
  #open = false

  constructor(participant: Participant) {
    this.#participant = participant
  }

  get wanted(): boolean {
    return this.#wanted
  }

  /** Gets messages: its channels are open, and its token lets it hear or speak. */
  get receives(): boolean {
    const { rights } = this.#participant
    return this.#open && (rights.subscribe || rights.data)
  }

  /** Sends one frame to many, each over the worker that has its connection. */
  static sendTo(receivers: readonly Participant[], reliable: boolean, frame: Uint8Array): void {
    const byWorker = new Map<MediaWorker, Transport[]>()
    for (const { data } of receivers) {
      if (data.#worker === undefined || data.#connection === undefined) continue
      const transports = byWorker.get(data.#worker) ?? []
      transports.push(data.#connection.server.transport)
      byWorker.set(data.#worker, transports)
    }
    for (const [worker, transports] of byWorker) worker.sendRoomData(transports, reliable, frame)
  }

  want(): void {
    this.#wanted = true
  }

  /** The client agreed to data on this connection. */
  handleAgreed(
    connection: SubscribeConnection,
    { dtlsRole, port }: { dtlsRole: DtlsRole; port: number },
  ): void {
    if (this.#connection === connection) return
    const { worker, room } = this.#participant
    const { limits } = room
    this.#connection = connection
    this.#worker = worker
    this.#open = false
    const options = {
      ...{ dtlsRole, port, maxMessageBytes: maxDataMessageBytes, queueBytes: limits.dataQueueBytes },
      messagesPerSecond: limits.dataMessagesPerSecond,
      bytesPerSecond: limits.dataBytesPerSecond,
    }
    worker.openData(connection.server.transport, options, (news) => {
      if (this.#connection === connection) this.#handleNews(news)
    })
  }

  handleConnectionGone(): void {
    this.#connection = undefined
    this.#open = false
  }

  #handleNews(news: DataNews): void {
    switch (news.type) {
      case 'open':
        this.#open = true
        return
      case 'closed':
        this.#open = false
        return
      case 'message':
        this.#participant.room.data.handleMessage(this.#participant, news)
    }
  }
}

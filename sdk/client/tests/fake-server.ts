import {
  AppError,
  type ClientFrameType,
  type ConversationView,
  clientFrames,
  closeCodes,
  type FrameAnswers,
  type Message,
  type MessageContent,
  type ServerEvent,
  toRealtimeError,
} from '@parley/contracts'
import type { EntryContent, Socket } from '../src/index.ts'

/** What the network may do to a frame on its way to the client. */
export type Fate = 'deliver' | 'drop' | 'duplicate' | 'late'

interface Log {
  id: string
  peers: [string, string] | undefined
  members: string[]
  entries: Message[]
  read: Map<string, number>
}

type Frame = { id?: number; type: ClientFrameType } & Record<string, unknown>

/** Contents that are stored as they are sent. */
type PlainContent = Extract<MessageContent, EntryContent>

/**
 * A server for faults that a real one cannot be made to have: frames that vanish, come twice or late, sockets
 * that die silently. It parses every frame by the contracts and refuses what a real one would.
 */
export class FakeServer {
  readonly sockets = new Set<FakeSocket>()
  readonly #logs = new Map<string, Log>()
  readonly #direct = new Map<string, string>()
  #ids = 0
  moves = 0
  tokenLifeMs = 3_600_000
  heartbeatMs = 30_000
  latencyMs = 5
  /** Decides over each event (not answers) on its way to a client. */
  fate: (event: ServerEvent) => Fate = () => 'deliver'
  /** Decides over each request before it is handled: an error is answered, `swallow` is never answered. */
  verdict: (frame: Frame, userId: string) => AppError | 'swallow' | 'cut-after' | undefined = () => undefined
  refuseAuth: AppError | undefined
  unreachable = false
  readonly frames: Frame[] = []
  /** How far cursors may reach back; older ones cannot be continued. */
  oldestCursor = 0
  readonly #moved = new Map<string, number>()

  openSocket = (_url: string, subprotocol: string): Socket => {
    if (subprotocol !== 'parley.v1') throw new Error('wrong subprotocol')
    return new FakeSocket(this)
  }

  tokenOf(userId: string): string {
    return `h.${btoa(JSON.stringify({ sub: userId }))}.s`
  }

  group(id: string, members: string[]): void {
    this.#logs.set(id, { id, peers: undefined, members, entries: [], read: new Map() })
    this.#moved.set(id, ++this.moves)
  }

  entries(id: string): readonly Message[] {
    return this.#logs.get(id)?.entries ?? []
  }

  append(id: string, senderId: string, given: MessageContent, clientMessageId?: string): Message {
    const content = given as PlainContent
    const log = this.#log(id)
    const known = clientMessageId && log.entries.find((entry) => entry.clientMessageId === clientMessageId)
    if (known) return known
    const previous = log.entries.at(-1)
    const entry: Message = {
      id: `msg_${++this.#ids}`,
      conversationId: id,
      seq: (previous?.seq ?? 0) + 1,
      messageNo: (previous?.messageNo ?? 0) + 1,
      senderId,
      content,
      createdAt: new Date().toISOString(),
      ...(clientMessageId !== undefined && { clientMessageId }),
    }
    this.#store(log, entry)
    this.#tell(log, { type: 'message.created', message: entry })
    return entry
  }

  edit(id: string, targetSeq: number, content: PlainContent): Message {
    const log = this.#log(id)
    const target = log.entries[targetSeq - 1]
    const previous = log.entries.at(-1)
    if (!target || !previous) throw new AppError('message-not-found')
    const createdAt = new Date().toISOString()
    const message: Message = { ...target, content, editedAt: createdAt }
    log.entries[targetSeq - 1] = message
    const entry: Message = {
      id: `msg_${++this.#ids}`,
      conversationId: id,
      seq: previous.seq + 1,
      messageNo: previous.messageNo,
      senderId: target.senderId,
      content: { type: 'edit', targetId: target.id, targetSeq, content },
      createdAt,
    }
    this.#store(log, entry)
    this.#tell(log, { type: 'message.edited', entry, message })
    return message
  }

  /** Cuts every connection. `silently`: the sockets stay open and nothing comes or goes any more. */
  cut(silently = false): void {
    for (const socket of this.sockets) {
      if (silently) socket.dead = true
      else socket.closeByServer(1006, '')
    }
  }

  closing(reason: keyof typeof closeCodes, retryable: boolean, retryAfterMs?: number): void {
    for (const socket of this.sockets) {
      const facts = {
        code: reason,
        detail: reason,
        retryable,
        ...(retryAfterMs !== undefined && { retryAfterMs }),
      }
      socket.deliver({ type: 'session.closing', ...facts })
      socket.closeByServer(closeCodes[reason], reason)
    }
  }

  receive(socket: FakeSocket, text: string): void {
    const frame = JSON.parse(text) as Frame
    this.frames.push(frame)
    if (frame.id === undefined) throw new Error('a frame without an id')
    const verdict = frame.type === 'auth' ? this.refuseAuth : this.verdict(frame, socket.userId)
    if (verdict === 'swallow') return
    if (verdict instanceof AppError) {
      socket.deliver({ re: frame.id, error: toRealtimeError(verdict) })
      if (frame.type === 'auth') socket.closeByServer(closeCodes.unauthenticated, verdict.code)
      return
    }
    try {
      const schema = clientFrames[frame.type]
      if (!schema) throw new AppError('unknown-frame-type')
      const body = schema.parse(frame) as Record<string, unknown>
      if (frame.type !== 'auth' && socket.userId === '') throw new Error(`${frame.type} before auth`)
      const ok = this.#answer(socket, frame.type, body)
      if (verdict === 'cut-after') socket.closeByServer(1006, '')
      else socket.deliver({ re: frame.id, ok })
    } catch (error) {
      if (!(error instanceof AppError)) throw error
      socket.deliver({ re: frame.id, error: toRealtimeError(error) })
    }
  }

  #answer(socket: FakeSocket, type: ClientFrameType, body: Record<string, unknown>): unknown {
    const { userId } = socket
    switch (type) {
      case 'auth': {
        const token = (body as { token: string }).token
        socket.userId = (JSON.parse(atob(token.split('.')[1] ?? '')) as { sub: string }).sub
        return {
          projectId: 'proj_1',
          userId: socket.userId,
          deviceId: 'dev_1',
          sessionId: 'sess_1',
          expiresAt: new Date(Date.now() + this.tokenLifeMs).toISOString(),
          serverTime: new Date().toISOString(),
          heartbeatMs: this.heartbeatMs,
          maxFrameBytes: 65_536,
        } satisfies FrameAnswers['auth']
      }
      case 'ping':
        return { serverTime: new Date().toISOString() }
      case 'message.send': {
        const { conversationId, toUserId, clientMessageId, content } = body as unknown as {
          conversationId?: string
          toUserId?: string
          clientMessageId: string
          content: MessageContent
        }
        const id = conversationId ?? this.#openDirect(userId, toUserId ?? '')
        const { seq, id: messageId, createdAt } = this.append(id, userId, content, clientMessageId)
        return { messageId, conversationId: id, seq, createdAt } satisfies FrameAnswers['message.send']
      }
      case 'message.find': {
        const { clientMessageId } = body as { clientMessageId: string }
        const all = [...this.#logs.values()].flatMap(({ entries }) => entries)
        const found = all.find(
          (entry) => entry.senderId === userId && entry.clientMessageId === clientMessageId,
        )
        if (!found) throw new AppError('message-not-found')
        return found
      }
      case 'message.list': {
        const query = body as unknown as {
          conversationId: string
          afterSeq?: number
          beforeSeq?: number
          limit: number
        }
        const { entries } = this.#log(query.conversationId)
        const { afterSeq, beforeSeq = Number.POSITIVE_INFINITY, limit } = query
        const items =
          afterSeq === undefined
            ? entries.filter(({ seq }) => seq < beforeSeq).slice(-limit)
            : entries.filter(({ seq }) => seq > afterSeq && seq < beforeSeq).slice(0, limit)
        return { items, headSeq: entries.length, visibleFromSeq: 1 } satisfies FrameAnswers['message.list']
      }
      case 'conversation.get':
        return this.#view(this.#log((body as { conversationId: string }).conversationId), userId)
      case 'conversation.open-direct': {
        const id = this.#openDirect(userId, (body as { userId: string }).userId)
        const log = this.#log(id)
        const answer: FrameAnswers['conversation.open-direct'] = { conversationId: id }
        if (log.entries.length > 0) answer.conversation = this.#view(log, userId)
        return answer
      }
      case 'conversation.read': {
        const { conversationId, seq } = body as unknown as { conversationId: string; seq: number }
        const log = this.#log(conversationId)
        const readSeq = Math.max(log.read.get(userId) ?? 0, Math.min(seq, log.entries.length))
        log.read.set(userId, readSeq)
        this.#touch(log)
        this.#tell(log, { type: 'conversation.read', conversationId, userId, readSeq })
        return { readSeq, unread: 0 }
      }
      case 'conversation.sync': {
        const { cursor, limit } = body as unknown as { cursor?: string; limit: number }
        const full = cursor === undefined || Number(cursor) < this.oldestCursor
        const after = full ? 0 : Number(cursor)
        const moved = [...this.#logs.values()]
          .filter(({ members, entries, peers }) => members.includes(userId) && (entries.length > 0 || !peers))
          .map((log) => ({ log, at: this.#moved.get(log.id) ?? 0 }))
          .filter(({ at }) => at > after)
          .sort((one, other) => one.at - other.at)
        const page = moved.slice(0, limit)
        return {
          full,
          conversations: page.map(({ log }) => this.#view(log, userId)),
          removed: [],
          cursor: String(page.length < moved.length ? (page.at(-1)?.at ?? after) : this.moves),
          more: page.length < moved.length,
        } satisfies FrameAnswers['conversation.sync']
      }
      case 'conversation.typing':
      case 'presence.unsubscribe':
        return {}
      case 'presence.subscribe':
        return { items: [] }
      default:
        throw new AppError('not-implemented')
    }
  }

  #log(id: string): Log {
    const log = this.#logs.get(id)
    if (!log) throw new AppError('conversation-not-found')
    return log
  }

  #openDirect(userId: string, peerId: string): string {
    const key = [userId, peerId].sort().join(' ')
    const known = this.#direct.get(key)
    if (known) return known
    const id = `conv_${this.#direct.size + 1}`
    this.#direct.set(key, id)
    this.#logs.set(id, {
      id,
      peers: [userId, peerId],
      members: [userId, peerId],
      entries: [],
      read: new Map(),
    })
    return id
  }

  #view(log: Log, userId: string): ConversationView {
    const last = log.entries.findLast(({ content }) => content.type === 'text')
    const readSeq = log.read.get(userId) ?? 0
    const peerId = log.peers?.find((peer) => peer !== userId)
    return {
      id: log.id,
      type: log.peers ? 'direct' : 'group',
      ...(peerId !== undefined && { peerId }),
      memberCount: log.members.length,
      headSeq: log.entries.length,
      headMessageNo: log.entries.at(-1)?.messageNo ?? 0,
      version: 1,
      createdAt: '2026-01-01T00:00:00.000Z',
      updatedAt: '2026-01-01T00:00:00.000Z',
      role: 'member',
      readSeq,
      unread: log.entries.filter(
        ({ seq, senderId, content }) => seq > readSeq && senderId !== userId && content.type === 'text',
      ).length,
      ...(last && { lastMessage: last }),
    }
  }

  #store(log: Log, entry: Message): void {
    log.entries.push(entry)
    this.#touch(log)
  }

  #touch(log: Log): void {
    this.#moved.set(log.id, ++this.moves)
  }

  #tell(log: Log, event: ServerEvent): void {
    for (const socket of this.sockets) {
      if (!log.members.includes(socket.userId)) continue
      const fate = this.fate(event)
      if (fate === 'drop') continue
      socket.deliver(event, fate === 'late' ? this.latencyMs * 7 : this.latencyMs)
      if (fate === 'duplicate') socket.deliver(event, this.latencyMs * 3)
    }
  }
}

export class FakeSocket implements Socket {
  readonly #server: FakeServer
  readyState = 0
  userId = ''
  dead = false
  onopen: Socket['onopen'] = null
  onmessage: Socket['onmessage'] = null
  onclose: Socket['onclose'] = null
  onerror: Socket['onerror'] = null

  constructor(server: FakeServer) {
    this.#server = server
    setTimeout(() => {
      if (this.readyState !== 0) return
      if (server.unreachable) return this.closeByServer(1006, '')
      this.readyState = 1
      server.sockets.add(this)
      ;(this.onopen as (() => void) | null)?.()
    }, server.latencyMs)
  }

  send(text: string): void {
    if (this.readyState !== 1) throw new Error('send on a socket that is not open')
    setTimeout(() => {
      if (this.readyState === 1 && !this.dead) this.#server.receive(this, text)
    }, this.#server.latencyMs)
  }

  deliver(frame: object, delayMs = this.#server.latencyMs): void {
    const data = JSON.stringify(frame)
    setTimeout(() => {
      if (this.readyState === 1 && !this.dead) this.onmessage?.({ data })
    }, delayMs)
  }

  closeByServer(code: number, reason: string): void {
    this.#server.sockets.delete(this)
    setTimeout(() => {
      if (this.readyState === 3) return
      this.readyState = 3
      this.onclose?.({ code, reason })
    }, this.#server.latencyMs)
  }

  close(): void {
    this.readyState = 3
    this.#server.sockets.delete(this)
  }
}

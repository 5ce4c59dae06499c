import type { Platform, ServerEvent } from '@parley/contracts'
import { openSocket } from '#websocket'
import { Chat } from './chat/chat.ts'
import { Connection, type ConnectionState, type Device } from './connection/connection.ts'
import type { OpenSocket } from './connection/socket.ts'
import { Emitter } from './emitter.ts'
import type { EnterpriseEvent } from './enterprise/enterprise.ts'
import { Files } from './files.ts'
import { asParleyError, ParleyError } from './parley-error.ts'
import { Presence } from './presence.ts'
import { randomId } from './random-id.ts'
import { Rest } from './rest.ts'
import { Rtc, type RtcEvent } from './rtc/rtc.ts'
import type { SocialEvent } from './social/social-request.ts'
import { indexedDbStorage } from './storage/indexed-db-storage.ts'
import { memoryStorage } from './storage/memory-storage.ts'
import type { OpenStorage, Storage } from './storage/storage.ts'
import { Users } from './users.ts'

export interface ParleyOptions {
  /** Address of the server, such as `https://chat.example.com`. */
  url: string
  /** Answers a user token; asked at the beginning and before each expires. */
  getToken: () => Promise<string> | string
  /** A device keeps its id over restarts; in browsers each tab is one. */
  device?: { id?: string; platform?: Platform; name?: string }
  /** Where cache and outbox are: IndexedDB in browsers, memory elsewhere, unless told. */
  storage?: OpenStorage
  /** Gives up connecting for the first time. */
  signal?: AbortSignal
  /** Makes the socket; for tests and proxies. */
  openSocket?: OpenSocket
}

export interface OpenOptions extends ParleyOptions {
  userId: string
}

export interface ParleyEvents {
  state: ConnectionState
  /** What happens among people and with moments; see `friendsOf`, `momentsOf`, `interactionsOf`. */
  social: SocialEvent
  /** What happens in the organisation; see `directoryOf`, `approvalsOf`. */
  enterprise: EnterpriseEvent
}

/**
 * A user's client: one connection, and what is built on it. It owns its connection, chat and storage; `close`
 * ends them.
 */
export class Parley extends Emitter<ParleyEvents> {
  readonly userId: string
  readonly deviceId: string
  readonly chat: Chat
  readonly rtc: Rtc
  readonly presence: Presence
  readonly users: Users
  readonly files: Files
  /** @internal The REST API as the user, for what stands beside this class. */
  readonly rest: Rest
  readonly #connection: Connection
  readonly #storage: Storage
  #closing: Promise<void> | undefined

  private constructor(
    userId: string,
    device: Device,
    storage: Storage,
    options: ParleyOptions,
    failFast: boolean,
  ) {
    super()
    this.userId = userId
    this.deviceId = device.id
    this.#storage = storage
    const connection = new Connection({
      url: options.url,
      getToken: options.getToken,
      device,
      userId,
      failFast,
      openSocket: options.openSocket ?? openSocket,
    })
    const rest = new Rest({
      url: options.url,
      token: () => connection.token,
      renewToken: () => connection.renewToken(),
    })
    this.#connection = connection
    this.rest = rest
    this.users = new Users(rest)
    this.files = new Files(rest, options.url)
    this.presence = new Presence(connection.request)
    this.chat = new Chat({
      userId,
      clientId: device.id,
      request: connection.request,
      rest,
      files: this.files,
      storage,
    })
    this.rtc = new Rtc({
      userId,
      request: connection.request,
      isConnected: () => connection.connected,
    })
    connection.on('connected', (session) => {
      this.chat.handleConnected(session)
      this.rtc.handleConnected()
      this.presence.handleConnected().catch(() => undefined) // The next connection asks again.
    })
    connection.on('disconnected', () => {
      this.chat.handleDisconnected()
      this.rtc.handleDisconnected()
    })
    connection.on('event', (event) => {
      if (event.type === 'presence.changed') this.presence.handleChanged(event.presence)
      else if (isRtcEvent(event)) this.rtc.handleEvent(event)
      else if (isSocialEvent(event)) this.#handleSocial(event)
      else if (isEnterpriseEvent(event)) this.emit('enterprise', event)
      else this.chat.handleEvent(event)
    })
    connection.on('state', (state) => {
      this.emit('state', state)
      if (state.status === 'closed') void this.close()
    })
  }

  /**
   * Connects as the user of the token; resolves once the list of conversations is in step with the server.
   * Rejects when a token cannot be had or is refused, or when `signal` aborts; anything else is tried again.
   */
  static async connect(options: ParleyOptions): Promise<Parley> {
    options.signal?.throwIfAborted()
    let first: string | undefined = await askToken(options)
    const userId = userOf(first)
    const getToken = () => {
      const token = first ?? options.getToken()
      first = undefined
      return token
    }
    const parley = await Parley.#make({ ...options, getToken, userId }, true)
    const abort = () => parley.#connection.close(new ParleyError('aborted', 'Connecting was given up'))
    options.signal?.addEventListener('abort', abort)
    if (options.signal?.aborted) abort()
    try {
      await Promise.race([parley.chat.ready, parley.#ended()])
      return parley
    } finally {
      options.signal?.removeEventListener('abort', abort)
    }
  }

  /**
   * Opens the client of a user whose id is known: resolves with what the storage holds, also without a network,
   * and connects by itself.
   */
  static open(options: OpenOptions): Promise<Parley> {
    return Parley.#make(options, false)
  }

  static async #make(options: OpenOptions, failFast: boolean): Promise<Parley> {
    const open = options.storage ?? (typeof indexedDB === 'undefined' ? memoryStorage : indexedDbStorage())
    const name = `parley ${new URL(options.url).host} ${options.userId}`
    const storage = await open(name)
    const { device = {} } = options
    const id = device.id ?? (await tabId(name, storage))
    const platform = device.platform ?? (typeof document === 'undefined' ? 'server' : 'web')
    const parley = new Parley(
      options.userId,
      { id, platform, ...(device.name && { name: device.name }) },
      storage,
      options,
      failFast,
    )
    await parley.chat.load()
    parley.#connection.start()
    return parley
  }

  /** Why there is no connection, or that there is one. */
  get state(): ConnectionState {
    return this.#connection.state
  }

  /** Cuts the connection and stays away until `resume`; what is sent meanwhile waits in the outbox. */
  suspend(): void {
    this.#connection.suspend()
  }

  resume(): void {
    this.#connection.resume()
  }

  /** Ends the connection and everything built on it. What was not sent stays in the storage. */
  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    await this.rtc.close()
    this.#connection.close()
    await this.chat.close()
    this.#storage.close()
    this.dropListeners()
  }

  #handleSocial(event: SocialEvent): void {
    if (event.type === 'profile.changed') this.users.forget(event.userId)
    this.emit('social', event)
  }

  #ended(): Promise<never> {
    return new Promise((_, reject) => {
      const check = (state: ConnectionState) => {
        if (state.status === 'closed') reject(state.reason)
      }
      check(this.state)
      this.#connection.on('state', check)
    })
  }
}

function isRtcEvent(event: ServerEvent): event is RtcEvent {
  return event.type.startsWith('rtc.')
}

const socialTypes = /^(block|friend|interaction|moment|profile)\./

function isSocialEvent(event: ServerEvent): event is SocialEvent {
  return socialTypes.test(event.type)
}

function isEnterpriseEvent(event: ServerEvent): event is EnterpriseEvent {
  return event.type === 'directory.changed' || event.type === 'approval.changed'
}

async function askToken({ getToken }: ParleyOptions): Promise<string> {
  try {
    return await getToken()
  } catch (error) {
    throw asParleyError(error, 'token-failed')
  }
}

/** The user a token is for. Read, not verified: the server does that. */
function userOf(token: string): string {
  try {
    const payload = token.split('.')[1] ?? ''
    const bytes = atob(payload.replaceAll('-', '+').replaceAll('_', '/'))
    const text = new TextDecoder().decode(Uint8Array.from(bytes, (character) => character.charCodeAt(0)))
    const { sub } = JSON.parse(text) as { sub?: unknown }
    if (typeof sub === 'string' && sub !== '') return sub
  } catch {
    // Falls through: whatever it is, it is no user token.
  }
  throw new ParleyError('unauthenticated', 'getToken did not answer a user token')
}

/** Kept by the tab over reloads; a duplicated tab, which inherits it while the first lives, takes a new one. */
async function tabId(name: string, storage: Storage): Promise<string> {
  const fresh = randomId('tab')
  if (typeof sessionStorage === 'undefined') return fresh
  try {
    const kept = sessionStorage.getItem(name)
    if (kept && !(await storage.leased()).includes(`client ${kept}`)) return kept
    sessionStorage.setItem(name, fresh)
  } catch {
    // Storage may be forbidden to the page.
  }
  return fresh
}

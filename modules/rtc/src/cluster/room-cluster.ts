import { AppError, type ClientFrameType } from '@parley/contracts'
import type { Gateway, Session } from '@parley/core/gateway'
import { ConfigError, type Logger, type Scope } from '@parley/core/kernel'
import { RoomCalls } from './room-calls.ts'
import { RoomForwarding, type RoomForwardingOptions } from './room-forwarding.ts'
import { RoomHost } from './room-host.ts'
import type { RoomInput, RoomOperations } from './room-operations.ts'
import type { LinkKeys } from './shared-key.ts'

export interface RoomClusterOptions {
  gateway: Gateway
  keys: LinkKeys
  logger: Logger
  /** Owns what is started. */
  scope: Scope
  holderOf: RoomForwardingOptions['holderOf']
}

type Handler = (session: Session, body: { roomId: string }) => Promise<unknown>

type Operation = (input: RoomInput) => Promise<unknown>

/**
 * Rooms, wherever they live: frames of the gateway and operations go to the process that holds the room, and what other
 * processes hand over is carried out here, by the same handlers.
 */
export class RoomCluster implements Pick<Gateway, 'handle' | 'onClosed'>, RoomOperations {
  readonly #gateway: Gateway
  readonly #forwarding: RoomForwarding
  readonly #calls: RoomCalls
  readonly #host: RoomHost
  readonly #handlers = new Map<string, Handler>()
  readonly #operations = new Map<string, Operation>()
  readonly #closedHooks: Parameters<Gateway['onClosed']>[0][] = []
  #address: string | undefined

  constructor({ gateway, keys, logger, scope, holderOf }: RoomClusterOptions) {
    this.#gateway = gateway
    this.#forwarding = scope.own('room forwarding', new RoomForwarding({ keys, holderOf }))
    this.#calls = scope.own('room calls', new RoomCalls({ keys, holderOf }))
    this.#host = scope.own(
      'room host',
      new RoomHost({
        ...{ keys, logger },
        run: async (session, frame, body) => {
          const handler = this.#handlers.get(frame)
          if (handler === undefined) throw new AppError('unknown-frame-type')
          return handler(session, body)
        },
        call: async (name, input) => {
          const run = this.#operations.get(name)
          // While processes are updated one after the other.
          if (run === undefined)
            throw new AppError('unavailable', 'The process of the room is of another version')
          return run(input)
        },
        onSessionClosed: (session, reason) => {
          for (const hook of this.#closedHooks) void hook(session, reason)
        },
      }),
    )
    gateway.onClosed((session, reason) => this.#forwarding.handleSessionClosed(session, reason))
  }

  /** Where others reach this process; undefined until it listens. */
  get address(): string | undefined {
    return this.#address
  }

  /** @throws ConfigError when the address cannot be read, Error when it is taken */
  async listen(address: string): Promise<void> {
    const [, host = '', port] = /^\[?([^\]]+)\]?:(\d+)$/.exec(address) ?? []
    if (port === undefined) throw new ConfigError('PARLEY_RTC_CLUSTER_ADDRESS: expected host:port')
    const bound = await this.#host.listen(host, Number(port))
    this.#address = host.includes(':') ? `[${host}]:${bound}` : `${host}:${bound}`
  }

  handle: Gateway['handle'] = (type, handler) => {
    this.#handlers.set(type, handler as unknown as Handler)
    this.#gateway.handle(type, (session, body, context) =>
      this.#forwarding.route(session, type satisfies ClientFrameType, body as { roomId: string }, () =>
        handler(session, body, context),
      ),
    )
  }

  operation: RoomOperations['operation'] = (name, run) => {
    this.#operations.set(name, run as unknown as Operation)
    return (input) => this.#calls.call(name, input, () => run(input))
  }

  onClosed(hook: Parameters<Gateway['onClosed']>[0]): void {
    this.#closedHooks.push(hook)
    this.#gateway.onClosed(hook)
  }
}

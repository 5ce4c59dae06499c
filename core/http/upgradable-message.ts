import { IncomingMessage } from 'node:http'

/**
 * Once a server listens for upgrades, Node hands it every request with an `Upgrade` header. Only WebSocket is meant:
 * a client that offers another protocol beside its call (`Upgrade: h2c`, RFC 7540, section 3.2) gets its answer.
 */
export class UpgradableMessage extends IncomingMessage {
  /** Set by the parser; kept in an ordinary member because Node sets it while it constructs. */
  declare _offersUpgrade: boolean | null

  get upgrade(): boolean | null {
    if (!this._offersUpgrade) return this._offersUpgrade
    return this.method === 'CONNECT' || this.headers.upgrade?.toLowerCase() === 'websocket'
  }

  set upgrade(offers: boolean | null) {
    this._offersUpgrade = offers
  }
}

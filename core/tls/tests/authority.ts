import { createHash, createHmac, createPublicKey, type KeyObject, verify } from 'node:crypto'
import { createServer, type IncomingMessage, request, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { issueFor, newAuthority, readSigningRequest, type TestAuthority } from './test-certificates.ts'

interface Order {
  account: string
  domains: string[]
  status: 'pending' | 'ready' | 'processing' | 'valid' | 'invalid'
  authorizations: string[]
  certificate?: string
}

interface Authorization {
  account: string
  domain: string
  token: string
  status: 'pending' | 'valid' | 'invalid'
  error?: { type: string; detail: string }
}

interface Account {
  key: KeyObject
  jwk: Record<string, string>
  contact: string[]
}

class Refusal extends Error {
  readonly status: number
  readonly type: string

  constructor(status: number, type: string, detail: string) {
    super(detail)
    this.status = status
    this.type = type
  }
}

interface Signed {
  header: Record<string, unknown>
  payload: unknown
  empty: boolean
}

export interface AuthorityOptions {
  /** Where the authority finds a domain, as DNS would say: `host:port`. */
  resolve: (domain: string) => string
  /** How long certificates live. Milliseconds. */
  lifeMs?: number
  /** Binds every new account to this HMAC key. */
  binding?: { keyId: string; key: Buffer }
}

/**
 * A strict ACME server (RFC 8555): every request is held against the sections that speak of it, http-01 is really
 * fetched, and what it issues is signed by its own root. `violations` lists what a client did wrong, whether or not it
 * mended it later.
 */
export class AcmeAuthority {
  readonly violations: string[] = []
  readonly issued: string[] = []
  readonly accounts = new Map<string, Account>()
  /** Refuses this many signed requests with badNonce, though their nonce is good. */
  badNonces = 0
  /** Answers every new order with this. */
  orderRefusal: { status: number; type: string; retryAfter?: string } | undefined
  readonly root: TestAuthority
  readonly #server: Server
  readonly #options: AuthorityOptions
  readonly #nonces = new Set<string>()
  readonly #orders = new Map<string, Order>()
  readonly #authorizations = new Map<string, Authorization>()
  readonly #keys = new Map<string, string>()
  #count = 0

  private constructor(server: Server, options: AuthorityOptions) {
    this.#server = server
    this.#options = options
    this.root = newAuthority('Test Root')
    server.on('request', (incoming: IncomingMessage, outgoing: ServerResponse) => {
      this.#serve(incoming, outgoing).catch((error: unknown) => {
        if (!(error instanceof Refusal)) this.violations.push(String(error))
        this.#refuse(error, outgoing)
      })
    })
  }

  static async start(options: AuthorityOptions): Promise<AcmeAuthority> {
    const server = createServer()
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    return new AcmeAuthority(server, options)
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections()
    await new Promise((resolve) => this.#server.close(resolve))
  }

  async #serve(incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
    const path = incoming.url ?? ''
    // Section 6.5.1: on every answer to a POST, and on newNonce.
    const nonce = `nonce-${createHash('sha256')
      .update(`${++this.#count}`)
      .digest('base64url')}`
    if (path === '/directory') {
      this.#expect(incoming.method === 'GET', 405, 'malformed', 'the directory is read by GET')
      const { binding } = this.#options
      this.#answer(outgoing, 200, {
        newNonce: `${this.url}/new-nonce`,
        newAccount: `${this.url}/new-account`,
        newOrder: `${this.url}/new-order`,
        meta: { externalAccountRequired: binding !== undefined },
      })
      return
    }
    this.#nonces.add(nonce)
    outgoing.setHeader('replay-nonce', nonce)
    outgoing.setHeader('cache-control', 'no-store')
    if (path === '/new-nonce') {
      outgoing.writeHead(incoming.method === 'HEAD' ? 200 : 204).end()
      return
    }
    this.#expect(incoming.method === 'POST', 405, 'malformed', `${path} wants POST (section 6.3)`)
    this.#expect(
      incoming.headers['content-type'] === 'application/jose+json',
      415,
      'malformed',
      'the media type must be application/jose+json (section 6.2)',
    )
    this.#expect(
      incoming.headers['user-agent'] !== undefined,
      400,
      'malformed',
      'no user agent (section 6.1)',
    )
    const body = await text(incoming)
    if (path === '/new-account') return this.#newAccount(body, outgoing)
    const { account, signed } = this.#signedByAccount(body, path)
    if (path === '/new-order') return this.#newOrder(account, signed, outgoing)
    const [, kind = '', id = ''] = path.split('/')
    switch (kind) {
      case 'order':
        return this.#showOrder(id, account, signed, outgoing)
      case 'authorization':
        return this.#showAuthorization(id, account, signed, outgoing)
      case 'challenge':
        return this.#challenge(id, account, signed, outgoing)
      case 'finalize':
        return this.#finalize(id, account, signed, outgoing)
      case 'certificate':
        return this.#certificate(id, account, signed, outgoing)
      default:
        throw new Refusal(404, 'malformed', 'there is nothing here')
    }
  }

  /** Sections 6.2, 6.4, 6.5. */
  #verify(body: string, path: string, keyOf: (header: Record<string, unknown>) => KeyObject): Signed {
    const jws = JSON.parse(body) as Record<string, string>
    const { protected: head = '', payload = '', signature = '' } = jws
    this.#expect(Object.keys(jws).length === 3, 400, 'malformed', 'the JWS is not flattened, or has more')
    for (const part of [head, payload, signature]) {
      this.#expect(/^[\w-]*$/.test(part), 400, 'malformed', 'not base64url without padding')
    }
    const header = JSON.parse(Buffer.from(head, 'base64url').toString()) as Record<string, unknown>
    this.#expect(header.alg === 'ES256', 400, 'badSignatureAlgorithm', 'ES256 is spoken here')
    this.#expect(header.url === this.url + path, 403, 'unauthorized', 'the url is that of another place')
    this.#expect((header.jwk === undefined) !== (header.kid === undefined), 400, 'malformed', 'jwk or kid')
    this.#expect(Buffer.from(signature, 'base64url').length === 64, 400, 'malformed', 'not r and s')
    const key = keyOf(header)
    const good = verify(
      'sha256',
      Buffer.from(`${head}.${payload}`),
      { key, dsaEncoding: 'ieee-p1363' },
      Buffer.from(signature, 'base64url'),
    )
    this.#expect(good, 403, 'unauthorized', 'the signature does not verify')
    const nonce = String(header.nonce)
    this.#expect(this.#nonces.delete(nonce), 400, 'badNonce', `${nonce} was not given, or was used`)
    if (this.badNonces > 0) {
      this.badNonces--
      throw new Refusal(400, 'badNonce', 'the nonce is too old')
    }
    const empty = payload === ''
    return {
      header,
      empty,
      payload: empty ? undefined : JSON.parse(Buffer.from(payload, 'base64url').toString()),
    }
  }

  #signedByAccount(body: string, path: string): { account: string; signed: Signed } {
    let account = ''
    const signed = this.#verify(body, path, ({ kid }) => {
      account = String(kid)
      const found = this.accounts.get(account)
      if (found === undefined) throw new Refusal(400, 'accountDoesNotExist', `${account} is no account`)
      return found.key
    })
    return { account, signed }
  }

  /** Section 7.3. */
  #newAccount(body: string, outgoing: ServerResponse): void {
    let jwk: Record<string, string> = {}
    const { payload, header } = this.#verify(body, '/new-account', (found) => {
      jwk = found.jwk as Record<string, string>
      return createPublicKey({ key: jwk, format: 'jwk' })
    })
    const wanted = payload as {
      termsOfServiceAgreed?: boolean
      contact?: string[]
      externalAccountBinding?: Record<string, string>
    }
    this.#expect(header.kid === undefined, 400, 'malformed', 'a new account is signed by its key')
    this.#expect(wanted.termsOfServiceAgreed === true, 403, 'userActionRequired', 'agree to the terms')
    this.#checkBinding(jwk, wanted.externalAccountBinding)
    const print = createHash('sha256')
      .update(JSON.stringify({ crv: jwk.crv, kty: jwk.kty, x: jwk.x, y: jwk.y }))
      .digest('base64url')
    const known = this.#keys.get(print)
    const url = known ?? `${this.url}/account/${this.accounts.size + 1}`
    this.#keys.set(print, url)
    const key = createPublicKey({ key: jwk, format: 'jwk' })
    this.accounts.set(url, { key, jwk, contact: wanted.contact ?? [] })
    outgoing.setHeader('location', url)
    this.#answer(outgoing, known === undefined ? 201 : 200, { status: 'valid' })
  }

  /** Section 7.3.4. */
  #checkBinding(jwk: Record<string, string>, binding: Record<string, string> | undefined): void {
    const wanted = this.#options.binding
    if (wanted === undefined) return
    if (binding === undefined) throw new Refusal(403, 'externalAccountRequired', 'bind an account')
    const { protected: head = '', payload = '', signature = '' } = binding
    const header = JSON.parse(Buffer.from(head, 'base64url').toString()) as Record<string, unknown>
    const inner = JSON.parse(Buffer.from(payload, 'base64url').toString()) as Record<string, string>
    const fits =
      header.alg === 'HS256' &&
      header.kid === wanted.keyId &&
      header.url === `${this.url}/new-account` &&
      inner.x === jwk.x &&
      inner.y === jwk.y &&
      signature === hmac(wanted.key, `${head}.${payload}`)
    this.#expect(fits, 403, 'unauthorized', 'the binding does not verify')
  }

  /** Section 7.4. */
  #newOrder(account: string, { payload }: Signed, outgoing: ServerResponse): void {
    if (this.orderRefusal !== undefined) {
      const { status, type, retryAfter } = this.orderRefusal
      if (retryAfter !== undefined) outgoing.setHeader('retry-after', retryAfter)
      throw new Refusal(status, type, 'not now')
    }
    const { identifiers } = payload as { identifiers: { type: string; value: string }[] }
    for (const { type, value } of identifiers) {
      this.#expect(type === 'dns', 400, 'unsupportedIdentifier', type)
      this.#expect(/^[a-z0-9.-]+$/.test(value), 400, 'rejectedIdentifier', value)
    }
    const domains = identifiers.map(({ value }) => value)
    const authorizations = domains.map((domain) => {
      const id = `a${this.#authorizations.size + 1}`
      const token = createHash('sha256').update(`token ${id} ${this.url}`).digest('base64url')
      this.#authorizations.set(id, { account, domain, token, status: 'pending' })
      return id
    })
    const id = `o${this.#orders.size + 1}`
    this.#orders.set(id, { account, domains, authorizations, status: 'pending' })
    outgoing.setHeader('location', `${this.url}/order/${id}`)
    this.#answer(outgoing, 201, this.#orderBody(id))
  }

  #orderBody(id: string): Record<string, unknown> {
    const order = this.#order(id)
    const states = order.authorizations.map((each) => this.#authorizations.get(each)?.status)
    if (order.status === 'pending' && states.every((status) => status === 'valid')) order.status = 'ready'
    if (states.includes('invalid')) order.status = 'invalid'
    return {
      status: order.status,
      identifiers: order.domains.map((value) => ({ type: 'dns', value })),
      authorizations: order.authorizations.map((each) => `${this.url}/authorization/${each}`),
      finalize: `${this.url}/finalize/${id}`,
      ...(order.certificate && { certificate: `${this.url}/certificate/${id}` }),
    }
  }

  #order(id: string, account?: string): Order {
    const order = this.#orders.get(id)
    if (order === undefined) throw new Refusal(404, 'malformed', 'no such order')
    if (account !== undefined)
      this.#expect(order.account === account, 403, 'unauthorized', 'of another account')
    return order
  }

  #showOrder(id: string, account: string, signed: Signed, outgoing: ServerResponse): void {
    this.#expect(signed.empty, 400, 'malformed', 'reading is POST-as-GET (section 6.3)')
    const order = this.#order(id, account)
    this.#answer(outgoing, 200, this.#orderBody(id))
    // Issuing takes a while: the next look finds it.
    if (order.status === 'processing') order.status = 'valid'
  }

  #authorization(id: string, account: string): Authorization {
    const found = this.#authorizations.get(id)
    if (found === undefined) throw new Refusal(404, 'malformed', 'no such authorization')
    this.#expect(found.account === account, 403, 'unauthorized', 'of another account')
    return found
  }

  #showAuthorization(id: string, account: string, signed: Signed, outgoing: ServerResponse): void {
    this.#expect(signed.empty, 400, 'malformed', 'reading is POST-as-GET (section 6.3)')
    const found = this.#authorization(id, account)
    this.#answer(outgoing, 200, {
      status: found.status,
      identifier: { type: 'dns', value: found.domain },
      challenges: [
        { type: 'dns-01', url: `${this.url}/never`, status: 'pending', token: 'x' },
        {
          type: 'http-01',
          url: `${this.url}/challenge/${id}`,
          status: found.status,
          token: found.token,
          ...(found.error && { error: found.error }),
        },
      ],
    })
  }

  /** Sections 7.5.1 and 8.3. */
  async #challenge(id: string, account: string, signed: Signed, outgoing: ServerResponse): Promise<void> {
    const found = this.#authorization(id, account)
    const said = JSON.stringify(signed.payload)
    this.#expect(said === '{}', 400, 'malformed', 'the answer to a challenge is an empty object')
    this.#answer(outgoing, 200, { type: 'http-01', status: 'processing', url: '', token: found.token })
    const jwk = this.accounts.get(account)?.jwk ?? {}
    const print = createHash('sha256')
      .update(JSON.stringify({ crv: jwk.crv, kty: jwk.kty, x: jwk.x, y: jwk.y }))
      .digest('base64url')
    const shown = await this.#fetchProof(found).catch((error: Error) => error)
    if (typeof shown === 'string' && shown.trimEnd() === `${found.token}.${print}`) {
      found.status = 'valid'
      return
    }
    found.status = 'invalid'
    found.error = {
      type: 'urn:ietf:params:acme:error:unauthorized',
      detail: `${found.domain} shows ${shown}`,
    }
  }

  #fetchProof({ domain, token }: Authorization): Promise<string> {
    const [host, port] = this.#options.resolve(domain).split(':')
    return new Promise((resolve, reject) => {
      const outgoing = request({
        ...{ host, port, path: `/.well-known/acme-challenge/${token}`, headers: { host: domain } },
        agent: false,
        timeout: 2_000,
      })
      outgoing.on('response', (incoming) => {
        if (incoming.statusCode === 200) text(incoming).then(resolve, reject)
        else reject(new Error(`status ${incoming.statusCode}`))
      })
      outgoing.on('error', reject)
      outgoing.end()
    })
  }

  /** Section 7.4, the second half. */
  #finalize(id: string, account: string, { payload }: Signed, outgoing: ServerResponse): void {
    const order = this.#order(id, account)
    this.#orderBody(id)
    this.#expect(order.status === 'ready', 403, 'orderNotReady', order.status)
    const { csr } = payload as { csr: string }
    this.#expect(/^[\w-]+$/.test(csr), 400, 'malformed', 'the request is not base64url without padding')
    const asked = readSigningRequest(Buffer.from(csr, 'base64url'))
    this.#expect(asked.verified, 400, 'badCSR', 'its signature does not verify')
    const same = JSON.stringify([...asked.names].sort()) === JSON.stringify([...order.domains].sort())
    this.#expect(same, 400, 'badCSR', `it names ${asked.names}`)
    const spki = createHash('sha256').update(asked.publicKey).digest('hex')
    const own = createHash('sha256')
      .update(spkiOf(this.accounts.get(account)?.key))
      .digest('hex')
    this.#expect(spki !== own, 400, 'badCSR', 'its key is that of the account (section 11.1)')
    order.certificate =
      issueFor(this.root, { ...asked, lifeMs: this.#options.lifeMs ?? 90 * 86_400_000 }) +
      this.root.certificate
    this.issued.push(order.certificate)
    order.status = 'processing'
    this.#answer(outgoing, 200, this.#orderBody(id))
  }

  #certificate(id: string, account: string, signed: Signed, outgoing: ServerResponse): void {
    this.#expect(signed.empty, 400, 'malformed', 'reading is POST-as-GET (section 6.3)')
    const { certificate } = this.#order(id, account)
    outgoing.writeHead(200, { 'content-type': 'application/pem-certificate-chain' }).end(certificate)
  }

  #expect(good: boolean, status: number, type: string, detail: string): void {
    if (good) return
    this.violations.push(`${type}: ${detail}`)
    throw new Refusal(status, type, detail)
  }

  #answer(outgoing: ServerResponse, status: number, body: unknown): void {
    outgoing.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
  }

  #refuse(error: unknown, outgoing: ServerResponse): void {
    if (outgoing.headersSent) return
    const { status, type, message } =
      error instanceof Refusal ? error : { status: 500, type: 'serverInternal', message: String(error) }
    outgoing.writeHead(status, { 'content-type': 'application/problem+json' })
    outgoing.end(JSON.stringify({ type: `urn:ietf:params:acme:error:${type}`, detail: message }))
  }
}

function hmac(key: Buffer, input: string): string {
  return createHmac('sha256', key).update(input).digest('base64url')
}

function spkiOf(key: KeyObject | undefined): Buffer {
  return key?.export({ type: 'spki', format: 'der' }) ?? Buffer.alloc(0)
}

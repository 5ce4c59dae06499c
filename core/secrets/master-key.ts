import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from 'node:crypto'
import { statSync } from 'node:fs'
import { join } from 'node:path'
import { createKeyFile, masterKeyFile, readIfThere } from './key-file.ts'

const keyBytes = 32
const nonceBytes = 12
const tagBytes = 16
const idBytes = 6
/** version, id of the master key */
const headBytes = 1 + idBytes
/** nonce, tag, sealed data key */
const wrapBytes = nonceBytes + tagBytes + keyBytes

/** Sealed by the master key itself, without naming it. Still opened, no longer made. */
const directVersion = 1
/** A data key of its own, sealed by the named master key: rotation seals the data key anew and leaves the rest. */
const envelopeVersion = 2

const wrapContext = Buffer.from('parley/data-key')

/**
 * The one secret of an installation. Everything sealed in the database opens with it only, and every other key
 * (content addresses, operator token, blind indexes) is derived from it with HKDF-SHA256 (RFC 5869) by a label.
 *
 * While it is rotated there are several: the first seals and derives, all open. One that was loaded from a file
 * follows the file: a key put in front of it is used from the next call on, by every process of the installation.
 */
export class MasterKey {
  #keys: readonly Buffer[]
  readonly #path: string | undefined
  #fileState = ''

  constructor(keys: Buffer | readonly Buffer[], path?: string) {
    this.#keys = Buffer.isBuffer(keys) ? [keys] : [...keys]
    if (this.#keys.length === 0 || this.#keys.some((key) => key.length !== keyBytes))
      throw new Error('the master key must be 32 bytes')
    this.#path = path
    if (path !== undefined) this.#fileState = stateOf(path)
  }

  /** From base64 when given, else from `$dataDir/master.key`, which is made (0600) when there is none. */
  static load(options: { dataDir: string; base64?: string | undefined }): MasterKey {
    if (options.base64 !== undefined) return MasterKey.parse(options.base64)
    const path = join(options.dataDir, masterKeyFile)
    const stored = readIfThere(path) ?? createKeyFile(options.dataDir, randomBytes(keyBytes))
    return new MasterKey(parseKeys(stored), path)
  }

  /** From base64, the newest first; several are kept apart by commas or white space. */
  static parse(text: string): MasterKey {
    return new MasterKey(parseKeys(text))
  }

  /** What `parse` reads. Whoever has it has everything. */
  export(): string {
    this.#follow()
    return this.#keys.map((key) => key.toString('base64')).join('\n')
  }

  /** Names the newest key without giving it away. Hex. */
  get fingerprint(): string {
    this.#follow()
    return fingerprintOf(this.#newest)
  }

  /** Whether a key with this fingerprint is among them. */
  knows(fingerprint: string): boolean {
    this.#follow()
    return this.#keys.some((key) => fingerprintOf(key) === fingerprint)
  }

  /** Keys that open what was sealed: more than one while a rotation is under way. */
  get count(): number {
    this.#follow()
    return this.#keys.length
  }

  /** A key for one purpose, from the newest key. It changes when the master key is rotated. */
  derive(label: string, bytes = keyBytes): Buffer {
    this.#follow()
    return deriveFrom(this.#newest, label, bytes)
  }

  /** The same from every key, the newest first: to check what an older one made. */
  deriveAll(label: string, bytes = keyBytes): Buffer[] {
    this.#follow()
    return this.#keys.map((key) => deriveFrom(key, label, bytes))
  }

  /** AES-256-GCM; `context` (say `api-key/key_1`) must be the same to open, so that sealed values cannot be swapped. */
  seal(plain: Buffer | string, context: string): Buffer {
    this.#follow()
    const dataKey = randomBytes(keyBytes)
    return Buffer.concat([
      headOf(this.#newest),
      wrap(this.#newest, dataKey),
      encrypt(dataKey, plain, context),
    ])
  }

  /** Throws when the value was sealed by another key, for another context, or is damaged. */
  open(sealed: Buffer, context: string): Buffer {
    if (sealed[0] === directVersion) return this.#openDirect(sealed.subarray(1), context)
    const key = this.#keyOf(sealed)
    if (key === undefined) throw new Error('this value was sealed in an unknown way or by another master key')
    return decrypt(unwrap(key, sealed), sealed.subarray(headBytes + wrapBytes), context)
  }

  /**
   * The same value under the newest key, opened by nobody: undefined when it is under it already, or is not a sealed
   * value of ours at all.
   */
  rewrap(sealed: Buffer): Buffer | undefined {
    const key = this.#keyOf(sealed)
    if (key === undefined || key === this.#newest) return undefined
    const head = [headOf(this.#newest), wrap(this.#newest, unwrap(key, sealed))]
    return Buffer.concat([...head, sealed.subarray(headBytes + wrapBytes)])
  }

  /** What values begin with that older keys have sealed. */
  get olderHeads(): Buffer[] {
    this.#follow()
    return this.#keys.slice(1).map(headOf)
  }

  get #newest(): Buffer {
    const [newest] = this.#keys
    if (newest === undefined) throw new Error('there is no master key')
    return newest
  }

  #keyOf(sealed: Buffer): Buffer | undefined {
    if (sealed[0] !== envelopeVersion || sealed.length < headBytes + wrapBytes) return undefined
    const find = () => this.#keys.find((key) => headOf(key).equals(sealed.subarray(0, headBytes)))
    const known = find()
    if (known !== undefined) return known
    this.#follow()
    return find()
  }

  #openDirect(body: Buffer, context: string): Buffer {
    let failure: unknown
    for (const key of this.#keys) {
      try {
        return decrypt(deriveFrom(key, 'seal'), body, context)
      } catch (error) {
        failure = error
      }
    }
    throw failure
  }

  /** Reads the file again when it was replaced. */
  #follow(): void {
    if (this.#path === undefined) return
    const state = stateOf(this.#path)
    if (state === this.#fileState || state === '') return
    const text = readIfThere(this.#path)
    if (text === undefined) return
    this.#keys = new MasterKey(parseKeys(text)).#keys
    this.#fileState = state
  }
}

function parseKeys(text: string): Buffer[] {
  return text
    .split(/[\s,]+/)
    .filter((word) => word !== '')
    .map((word) => Buffer.from(word, 'base64'))
}

/** Changes whenever the file is replaced, as it always is as a whole. */
function stateOf(path: string): string {
  const found = statSync(path, { throwIfNoEntry: false, bigint: true })
  return found === undefined ? '' : `${found.ino}/${found.mtimeNs}/${found.size}`
}

function deriveFrom(key: Buffer, label: string, bytes = keyBytes): Buffer {
  return Buffer.from(hkdfSync('sha256', key, '', `parley/${label}`, bytes))
}

const fingerprintOf = (key: Buffer): string => deriveFrom(key, 'fingerprint', 16).toString('hex')

const headOf = (key: Buffer): Buffer =>
  Buffer.concat([Buffer.of(envelopeVersion), deriveFrom(key, 'key-id', idBytes)])

const wrap = (key: Buffer, dataKey: Buffer): Buffer => encrypt(deriveFrom(key, 'wrap'), dataKey, wrapContext)

const unwrap = (key: Buffer, sealed: Buffer): Buffer =>
  decrypt(deriveFrom(key, 'wrap'), sealed.subarray(headBytes, headBytes + wrapBytes), wrapContext)

/** nonce, tag, body */
function encrypt(key: Buffer, plain: Buffer | string, context: Buffer | string): Buffer {
  const nonce = randomBytes(nonceBytes)
  const cipher = createCipheriv('aes-256-gcm', key, nonce)
  cipher.setAAD(Buffer.from(context))
  const body = Buffer.concat([cipher.update(plain), cipher.final()])
  return Buffer.concat([nonce, cipher.getAuthTag(), body])
}

function decrypt(key: Buffer, sealed: Buffer, context: Buffer | string): Buffer {
  const nonce = sealed.subarray(0, nonceBytes)
  const decipher = createDecipheriv('aes-256-gcm', key, nonce, { authTagLength: tagBytes })
  decipher.setAAD(Buffer.from(context))
  decipher.setAuthTag(sealed.subarray(nonceBytes, nonceBytes + tagBytes))
  return Buffer.concat([decipher.update(sealed.subarray(nonceBytes + tagBytes)), decipher.final()])
}

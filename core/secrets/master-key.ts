import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from 'node:crypto'
import { linkSync, mkdirSync, readFileSync, unlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

const keyBytes = 32
const nonceBytes = 12
const tagBytes = 16
const version = 1

/**
 * The one secret of an installation. Everything sealed in the database opens with it only, and every other key
 * (content addresses, operator token, blind indexes) is derived from it with HKDF-SHA256 (RFC 5869) by a label.
 */
export class MasterKey {
  readonly #key: Buffer

  constructor(key: Buffer) {
    if (key.length !== keyBytes) throw new Error('the master key must be 32 bytes')
    this.#key = key
  }

  /** From base64 when given, else from `$dataDir/master.key`, which is made (0600) when there is none. */
  static load(options: { dataDir: string; base64?: string | undefined }): MasterKey {
    if (options.base64 !== undefined) return new MasterKey(Buffer.from(options.base64, 'base64'))
    const path = join(options.dataDir, 'master.key')
    const stored = readIfThere(path) ?? createKeyFile(options.dataDir, path)
    return new MasterKey(Buffer.from(stored.trim(), 'base64'))
  }

  /** A key for one purpose. The same label gives the same key for the life of the installation. */
  derive(label: string, bytes = keyBytes): Buffer {
    return Buffer.from(hkdfSync('sha256', this.#key, '', `parley/${label}`, bytes))
  }

  /** AES-256-GCM; `context` (say `api-key/key_1`) must be the same to open, so that sealed values cannot be swapped. */
  seal(plain: Buffer | string, context: string): Buffer {
    const nonce = randomBytes(nonceBytes)
    const cipher = createCipheriv('aes-256-gcm', this.derive('seal'), nonce)
    cipher.setAAD(Buffer.from(context))
    const body = Buffer.concat([cipher.update(plain), cipher.final()])
    return Buffer.concat([Buffer.of(version), nonce, cipher.getAuthTag(), body])
  }

  /** Throws when the value was sealed by another key, for another context, or is damaged. */
  open(sealed: Buffer, context: string): Buffer {
    if (sealed[0] !== version) throw new Error('this value was sealed in an unknown way')
    const nonce = sealed.subarray(1, 1 + nonceBytes)
    const tag = sealed.subarray(1 + nonceBytes, 1 + nonceBytes + tagBytes)
    const decipher = createDecipheriv('aes-256-gcm', this.derive('seal'), nonce)
    decipher.setAAD(Buffer.from(context))
    decipher.setAuthTag(tag)
    return Buffer.concat([decipher.update(sealed.subarray(1 + nonceBytes + tagBytes)), decipher.final()])
  }
}

function readIfThere(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}

/** Written aside and linked into place, so that two processes that start together agree on one key. */
function createKeyFile(dataDir: string, path: string): string {
  mkdirSync(dataDir, { recursive: true, mode: 0o700 })
  const aside = `${path}.${process.pid}`
  writeFileSync(aside, `${randomBytes(keyBytes).toString('base64')}\n`, { mode: 0o600, flush: true })
  try {
    linkSync(aside, path)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
  } finally {
    unlinkSync(aside)
  }
  return readFileSync(path, 'utf8')
}

import { createHash } from 'node:crypto'
import { pipeline } from 'node:stream/promises'
import { promisify } from 'node:util'
import { createGunzip, gzip } from 'node:zlib'
import { AppError } from '@parley/contracts'
import type { ObjectService } from '@parley/core/objects'
import type { Database } from '@parley/core/store'
import type { ExportRecord } from './personal-data.ts'

/** What a part holds before it is compressed. Bytes. */
const partBytes = 4 * 1024 * 1024
const compress = promisify(gzip)

/** A member of the gzip file: gzip files one behind the other are one. */
export interface ExportPart {
  objectId: string
  bytes: number
}

export interface ExportCounts {
  records: number
  byType: Record<string, number>
}

/** Gathers lines and stores them in parts, each of which is whole and durable. Holds one part in memory at most. */
export class ExportWriter {
  readonly parts: ExportPart[]
  readonly counts: ExportCounts
  readonly #store: (bytes: Buffer) => Promise<ExportPart>
  #lines: string[] = []
  #length = 0

  constructor(
    before: { parts: ExportPart[]; counts: ExportCounts },
    store: (bytes: Buffer) => Promise<ExportPart>,
  ) {
    this.parts = [...before.parts]
    this.counts = { records: before.counts.records, byType: { ...before.counts.byType } }
    this.#store = store
  }

  /** Characters that wait. */
  get waiting(): number {
    return this.#length
  }

  async write(record: ExportRecord): Promise<void> {
    const line = `${JSON.stringify(record)}\n`
    this.#lines.push(line)
    this.#length += line.length
    this.counts.records += 1
    this.counts.byType[record.type] = (this.counts.byType[record.type] ?? 0) + 1
    if (this.#length >= partBytes) await this.flush()
  }

  async flush(): Promise<void> {
    if (this.#lines.length === 0) return
    const text = this.#lines.join('')
    this.#lines = []
    this.#length = 0
    this.parts.push(await this.#store(await compress(text, { level: 3 })))
  }
}

/** Parts and finished exports in the object store of the project. */
export class ExportFiles {
  readonly #database: Database
  readonly #objects: ObjectService

  constructor(database: Database, objects: ObjectService) {
    this.#database = database
    this.#objects = objects
  }

  /** A part belongs to its operation: what a crash left goes with the others. */
  async storePart(projectId: string, operationId: string, bytes: Buffer): Promise<ExportPart> {
    const objectId = await this.#store(projectId, {
      name: 'part.jsonl.gz',
      ownerId: operationId,
      sizeBytes: bytes.length,
      content: (async function* () {
        yield bytes
      })(),
    })
    return { objectId, bytes: bytes.length }
  }

  /** Puts the manifest in front of the parts; the hash in it is over the lines behind it. */
  async join(
    projectId: string,
    operationId: string,
    parts: readonly ExportPart[],
    manifest: Record<string, unknown>,
  ): Promise<{ objectId: string; sizeBytes: number; sha256: string }> {
    const hash = createHash('sha256')
    for (const part of parts) {
      const content = await this.#read(projectId, part.objectId)
      await pipeline(content, createGunzip(), async (lines: AsyncIterable<Buffer>) => {
        for await (const chunk of lines) hash.update(chunk)
      })
    }
    const sha256 = hash.digest('hex')
    const head = await compress(`${JSON.stringify({ ...manifest, sha256 })}\n`)
    const sizeBytes = parts.reduce((sum, part) => sum + part.bytes, head.length)
    const read = (objectId: string) => this.#read(projectId, objectId)
    const objectId = await this.#store(projectId, {
      name: `${operationId}.jsonl.gz`,
      ownerId: `${operationId}.export`,
      sizeBytes,
      content: (async function* () {
        yield head
        for (const part of parts) yield* await read(part.objectId)
      })(),
    })
    return { objectId, sizeBytes, sha256 }
  }

  /** Releases what an operation has stored on its way. */
  async releaseParts(projectId: string, operationId: string): Promise<void> {
    await this.#objects.releaseOwned(this.#database.project(projectId), projectId, operationId)
  }

  async #read(projectId: string, objectId: string) {
    const file = await this.#objects.open({ action: 'read', projectId, objectId, expiresAtMs: 0 })
    return file.read()
  }

  async #store(
    projectId: string,
    file: { name: string; ownerId: string; sizeBytes: number; content: AsyncIterable<Uint8Array> },
  ): Promise<string> {
    const { content, ...facts } = file
    const project = this.#database.project(projectId)
    const { id } = await project.transaction((tx) =>
      this.#objects.createUpload(tx, projectId, { ...facts, contentType: 'application/gzip' }),
    )
    const answer = await this.#objects.receive(
      { action: 'upload', projectId, objectId: id, expiresAtMs: 0 },
      content,
    )
    if (answer.id !== id) throw new AppError('internal-error')
    return id
  }
}

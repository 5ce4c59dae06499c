import type { EndpointAnswer, objectEndpoints, StoredObject } from '@parley/contracts'
import { ParleyError } from './parley-error.ts'
import { type Rest, segment } from './rest.ts'
import { uploadInPieces } from './resumable-upload.ts'
import { refusedWith, transfer } from './transfer.ts'

type Upload = EndpointAnswer<(typeof objectEndpoints)['createUpload']>

/** Up to this size a file is sent by one request, in bytes. */
const wholeUpTo = 4 * 1024 * 1024
/** Up to this size the server is told beforehand what the bytes hash to: more would hold up a phone. */
const hashedUpTo = 16 * 1024 * 1024

export interface FileToUpload {
  blob: Blob
  name: string
  contentType: string
  /** To be shown by a lasting address; see `uploadPicture`. */
  picture?: boolean
}

/** An upload that has begun, as it can be kept over a reload to go on with. */
export interface BegunUpload {
  objectId: string
  uploadUrl: string
}

export interface UploadOptions {
  /** Gives the upload up: it rejects with `aborted`, and may be gone on with. */
  signal?: AbortSignal
  /** Goes on with this one; when the server knows it no more, the upload begins anew. */
  resume?: BegunUpload | undefined
  /** Hears what `resume` takes, for files that are sent in pieces. */
  onBegun?: (begun: BegunUpload) => void
}

/** Uploads. Where a file can be read from stands in the message that holds it: `conversation.fileUrl`. */
export class Files {
  readonly #rest: Rest
  readonly #url: string

  constructor(rest: Rest, url: string) {
    this.#rest = rest
    this.#url = url
  }

  /**
   * Stores a file; answers its object id. `onProgress` hears the share that is sent, 0 to 1. Files over 4 MiB go in
   * pieces, and go on after a lost connection where they were. Rejects with `upload-failed`, `aborted`, or what the server
   * says to the announcement (`body-too-large`, `limit-exceeded`).
   */
  async upload(
    file: FileToUpload,
    onProgress: (share: number) => void = () => undefined,
    { signal, resume, onBegun }: UploadOptions = {},
  ): Promise<string> {
    const { blob } = file
    const { size } = blob
    const onSent = (bytes: number) => onProgress(size > 0 ? Math.min(1, bytes / size) : 1)
    if (size <= wholeUpTo) {
      const { objectId, uploadUrl } = await this.#announce(file, signal)
      const headers = { 'Content-Type': file.contentType }
      const { status } = await transfer({
        method: 'PUT',
        url: uploadUrl,
        headers,
        body: blob,
        onSent,
        signal,
      })
      if (status < 200 || status >= 300) throw refusedWith(status)
      onSent(size)
      return objectId
    }
    if (resume) {
      try {
        await uploadInPieces({ url: resume.uploadUrl, blob, begun: true, onSent, signal })
        return resume.objectId
      } catch (error) {
        const passing = error instanceof ParleyError && (error.retryable || error.code === 'aborted')
        if (passing) throw error
      }
    }
    const begun = await this.#announce(file, signal)
    onBegun?.(begun)
    await uploadInPieces({ url: begun.uploadUrl, blob, begun: false, onSent, signal })
    return begun.objectId
  }

  /** Facts about an own file, with an address to read it from. Rejects with `object-not-found`. */
  describe(objectId: string): Promise<StoredObject> {
    return this.#rest.call('GET', `/v1/objects/${segment(objectId)}`)
  }

  /** Deletes an own file, announced or stored. Rejects with `object-not-found`. */
  async delete(objectId: string): Promise<void> {
    await this.#rest.call('DELETE', `/v1/uploads/${segment(objectId)}`)
  }

  async #announce(
    { name, contentType, blob, picture }: FileToUpload,
    signal?: AbortSignal,
  ): Promise<BegunUpload> {
    const sha256 = await hash(blob)
    const body = {
      name,
      contentType,
      sizeBytes: blob.size,
      ...(sha256 && { sha256 }),
      ...(picture && { picture }),
    }
    const { id, uploadUrl } = await this.#rest.call<Upload>('POST', '/v1/uploads', {
      body,
      ...(signal && { signal }),
    })
    return { objectId: id, uploadUrl: new URL(uploadUrl, this.#url).href }
  }
}

/** Web Crypto exists on secure origins only. */
async function hash(blob: Blob): Promise<string | undefined> {
  if (blob.size > hashedUpTo || !globalThis.crypto?.subtle) return undefined
  const digest = await crypto.subtle.digest('SHA-256', await blob.arrayBuffer())
  return Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, '0')).join('')
}

import type { EndpointAnswer, objectEndpoints } from '@parley/contracts'
import { asParleyError, ParleyError } from './parley-error.ts'
import type { Rest } from './rest.ts'

type Upload = EndpointAnswer<(typeof objectEndpoints)['createUpload']>

export interface FileToUpload {
  blob: Blob
  name: string
  contentType: string
}

/** Uploads. Where a file can be read from stands in the message that holds it: `conversation.fileUrl`. */
export class Files {
  readonly #rest: Rest
  readonly #url: string

  constructor(rest: Rest, url: string) {
    this.#rest = rest
    this.#url = url
  }

  /** Stores a file; answers its object id. `onProgress` hears the share that is sent, 0 to 1. */
  async upload(file: FileToUpload, onProgress: (share: number) => void = () => undefined): Promise<string> {
    const { name, contentType, blob } = file
    const body = { name, contentType, sizeBytes: blob.size }
    const { id, uploadUrl } = await this.#rest.call<Upload>('POST', '/v1/uploads', { body })
    await put(new URL(uploadUrl, this.#url).href, file, onProgress)
    return id
  }
}

async function put(url: string, file: FileToUpload, onProgress: (share: number) => void): Promise<void> {
  const status =
    typeof XMLHttpRequest === 'undefined'
      ? await putByFetch(url, file)
      : await putByXhr(url, file, onProgress)
  if (status < 200 || status >= 300) {
    const retryable = status >= 500 || status === 429 || status === 0
    throw new ParleyError('upload-failed', `The upload was answered with ${status}`, { retryable })
  }
  onProgress(1)
}

async function putByFetch(url: string, { blob, contentType }: FileToUpload): Promise<number> {
  try {
    const response = await fetch(url, { method: 'PUT', body: blob, headers: { 'content-type': contentType } })
    await response.arrayBuffer()
    return response.status
  } catch (error) {
    throw asParleyError(error, 'upload-failed')
  }
}

/** fetch cannot tell how much it has sent; XMLHttpRequest can. */
function putByXhr(url: string, file: FileToUpload, onProgress: (share: number) => void): Promise<number> {
  return new Promise((resolve) => {
    const request = new XMLHttpRequest()
    request.open('PUT', url)
    request.setRequestHeader('content-type', file.contentType)
    request.upload.onprogress = ({ loaded, total }) => onProgress(total > 0 ? loaded / total : 0)
    request.onloadend = () => resolve(request.status)
    request.send(file.blob)
  })
}

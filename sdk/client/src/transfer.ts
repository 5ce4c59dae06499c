import { asParleyError, ParleyError } from './parley-error.ts'

export interface Transfer {
  method: 'PUT' | 'PATCH' | 'HEAD'
  url: string
  headers: Record<string, string>
  body?: Blob
  /** Hears how many bytes of the body have left; only where the platform tells. */
  onSent?: (bytes: number) => void
  signal?: AbortSignal | undefined
}

export interface TransferAnswer {
  status: number
  header: (name: string) => string | null
}

/** One request with the bytes of a file. Rejects with `aborted`, or with `upload-failed` (retryable) without an answer. */
export function transfer(request: Transfer): Promise<TransferAnswer> {
  if (request.signal?.aborted) return Promise.reject(aborted())
  return typeof XMLHttpRequest === 'undefined' ? byFetch(request) : byXhr(request)
}

async function byFetch({ method, url, headers, body, signal }: Transfer): Promise<TransferAnswer> {
  try {
    const response = await fetch(url, { method, headers, ...(body && { body }), ...(signal && { signal }) })
    await response.arrayBuffer()
    return { status: response.status, header: (name) => response.headers.get(name) }
  } catch (error) {
    throw signal?.aborted ? aborted() : asParleyError(error, 'upload-failed')
  }
}

/** fetch cannot tell how much it has sent; XMLHttpRequest can. */
function byXhr({ method, url, headers, body, onSent, signal }: Transfer): Promise<TransferAnswer> {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest()
    const abort = () => request.abort()
    request.open(method, url)
    for (const [name, value] of Object.entries(headers)) request.setRequestHeader(name, value)
    request.upload.onprogress = ({ loaded }) => onSent?.(loaded)
    request.onloadend = () => {
      signal?.removeEventListener('abort', abort)
      if (signal?.aborted) reject(aborted())
      else if (request.status === 0)
        reject(new ParleyError('upload-failed', 'The connection was lost', { retryable: true }))
      else resolve({ status: request.status, header: (name) => request.getResponseHeader(name) })
    }
    signal?.addEventListener('abort', abort)
    request.send(body ?? null)
  })
}

/** The error of an answer that is none of success. */
export function refusedWith(status: number): ParleyError {
  const retryable = status >= 500 || status === 429
  return new ParleyError('upload-failed', `The upload was answered with ${status}`, { retryable })
}

function aborted(): ParleyError {
  return new ParleyError('aborted', 'The upload was given up')
}

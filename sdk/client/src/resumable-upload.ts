import { Backoff } from './connection/backoff.ts'
import { asParleyError, ParleyError } from './parley-error.ts'
import { refusedWith, type TransferAnswer, transfer } from './transfer.ts'

/** The largest piece that is sent again when a connection is lost, in bytes. */
const pieceBytes = 8 * 1024 * 1024
/** After so many failures in a row without a byte of progress, the upload fails (retryable). */
const mostFailures = 6
const tus = { 'Tus-Resumable': '1.0.0' }

export interface ResumableUploadOptions {
  url: string
  blob: Blob
  /** True: some of it may be there already. */
  begun: boolean
  /** Hears how many bytes of the file have left. */
  onSent: (bytes: number) => void
  signal?: AbortSignal | undefined
}

/**
 * Sends a file in pieces by tus 1.0.0 (https://tus.io/protocols/resumable-upload). After a lost connection it asks how
 * far the server has come and goes on from there.
 */
export async function uploadInPieces({
  url,
  blob,
  begun,
  onSent,
  signal,
}: ResumableUploadOptions): Promise<void> {
  const backoff = new Backoff({ baseMs: 250, maxMs: 10_000 })
  let offset: number | undefined = begun ? undefined : 0
  let furthest = 0
  for (let failures = 0; offset === undefined || offset < blob.size; ) {
    try {
      offset ??= offsetIn(await transfer({ method: 'HEAD', url, headers: tus, signal }))
      if (offset > furthest) {
        furthest = offset
        failures = 0
        backoff.reset()
      }
      onSent(offset)
      if (offset < blob.size) offset = await sendPiece(offset)
    } catch (error) {
      const failure = asParleyError(error, 'upload-failed')
      if (!failure.retryable || ++failures >= mostFailures) throw failure
      offset = undefined
      await pause(backoff.nextMs(), signal)
    }
  }
  onSent(blob.size)

  async function sendPiece(start: number): Promise<number> {
    const answer = await transfer({
      method: 'PATCH',
      url,
      headers: { ...tus, 'Upload-Offset': String(start), 'Content-Type': 'application/offset+octet-stream' },
      body: blob.slice(start, start + pieceBytes),
      onSent: (bytes) => onSent(start + bytes),
      signal,
    })
    // Another request of this upload came between: where it stands now is asked.
    if (answer.status === 409) throw new ParleyError('upload-failed', 'Out of step', { retryable: true })
    return offsetIn(answer)
  }
}

function offsetIn({ status, header }: TransferAnswer): number {
  if (status < 200 || status >= 300) throw refusedWith(status)
  const offset = header('upload-offset')
  if (offset === null || !/^\d+$/.test(offset))
    throw new ParleyError('upload-failed', 'The server did not say how much it has', { retryable: false })
  return Number(offset)
}

function pause(ms: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve) => {
    const end = () => {
      clearTimeout(timer)
      signal?.removeEventListener('abort', end)
      resolve()
    }
    const timer = setTimeout(end, ms)
    signal?.addEventListener('abort', end)
  })
}

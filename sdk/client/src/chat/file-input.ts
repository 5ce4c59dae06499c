import type { SendOptions } from '@parley/contracts'
import { isImage } from './chat-message.ts'
import type { OutgoingFile, VideoFacts, VoiceFacts } from './outbox.ts'

/** A file of the browser, or bytes with a name. */
export type FileInput = Blob | { name: string; contentType: string; bytes: Uint8Array }

export interface FileOptions extends SendOptions {
  /** Name for a Blob that has none. */
  name?: string
  caption?: string
  /** Pixels of an image; found out by itself in browsers. */
  width?: number
  height?: number
  clientMessageId?: string
  /** Makes it a voice message. */
  voice?: VoiceFacts
  /** Makes it a video message. */
  video?: VideoFacts
}

const contentTypeForm = /^[\w.+-]+\/[\w.+-]+$/

export async function describeFile(input: FileInput, options: FileOptions): Promise<OutgoingFile> {
  const blob = input instanceof Blob ? input : new Blob([input.bytes.slice()], { type: input.contentType })
  const given = input instanceof Blob ? (input.type.split(';')[0] ?? '') : input.contentType
  const contentType = contentTypeForm.test(given) ? given : 'application/octet-stream'
  const name = options.name ?? ('name' in input && typeof input.name === 'string' ? input.name : 'file')
  const size = options.width && options.height ? options : await pixels(blob, contentType)
  return {
    blob,
    name: name.slice(0, 255) || 'file',
    contentType,
    ...(options.caption && { caption: options.caption }),
    ...(options.voice && { voice: options.voice }),
    ...(options.video && { video: options.video }),
    ...(size?.width && { width: size.width }),
    ...(size?.height && { height: size.height }),
  }
}

async function pixels(
  blob: Blob,
  contentType: string,
): Promise<{ width: number; height: number } | undefined> {
  if (!isImage(contentType) || typeof createImageBitmap === 'undefined') return undefined
  try {
    const bitmap = await createImageBitmap(blob)
    const { width, height } = bitmap
    bitmap.close()
    return { width, height }
  } catch {
    return undefined // Not an image after all; it is sent without a size.
  }
}

import { createHash, createHmac, randomUUID } from 'node:crypto'
import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { buffer } from 'node:stream/consumers'
import { escapeXml } from './s3-client.ts'

export interface StrictS3 {
  /** As PARLEY_S3_URL takes it. */
  url: string
  /** Names of all that is stored. */
  names(): string[]
  /** Multipart uploads that are neither completed nor aborted. */
  uploads(): number
  /** The next so many requests answer 503. */
  failNext(count: number): void
  close(): Promise<void>
}

interface Upload {
  name: string
  parts: Map<number, Buffer>
  begunAt: Date
}

interface Answer {
  status: number
  headers?: Record<string, string>
  body?: Buffer | string
}

const accessKey = 'strict'
const secretKey = 's3/secret+key'
const region = 'eu-test-1'
const leastPartBytes = 5_242_880

const sha256Of = (bytes: Uint8Array | string) => createHash('sha256').update(bytes).digest('hex')
const etagOf = (bytes: Uint8Array) => `"${createHash('md5').update(bytes).digest('hex')}"`
const hmac = (key: Uint8Array | string, text: string) => createHmac('sha256', key).update(text).digest()
const refusal = (status: number, code: string): Answer => ({
  status,
  body: `<?xml version="1.0"?><Error><Code>${code}</Code><Message>${code}</Message></Error>`,
})

/**
 * A bucket in memory that is as strict as Amazon's: checks the signature of each request (Signature Version 4) and the
 * hash of each body, refuses small parts and wrong ETags, and honours `If-None-Match: *`. For tests only.
 */
export async function startStrictS3(): Promise<StrictS3> {
  const objects = new Map<string, Buffer>()
  const uploads = new Map<string, Upload>()
  let failures = 0
  const server = createServer(async (incoming, outgoing) => {
    const body = await buffer(incoming)
    const answer = failures-- > 0 ? refusal(503, 'SlowDown') : route(incoming, body)
    const bytes = Buffer.from(answer.body ?? '')
    outgoing.writeHead(answer.status, { 'content-length': bytes.length, ...answer.headers })
    outgoing.end(incoming.method === 'HEAD' ? undefined : bytes)
  })

  function route(incoming: IncomingMessage, body: Buffer): Answer {
    const url = new URL(incoming.url ?? '', 'http://s3')
    const refused = signatureProblem(incoming, url, body)
    if (refused !== undefined) return refusal(403, refused)
    const match = /^\/bucket(?:\/(.+))?$/.exec(decodeURIComponent(url.pathname))
    if (match === null) return refusal(404, 'NoSuchBucket')
    const name = match[1]
    if (name === undefined) return list(url)
    if (url.searchParams.has('uploads')) return begin(name)
    const uploadId = url.searchParams.get('uploadId')
    if (uploadId !== null) return multipart(incoming, url, name, uploadId, body)
    return single(incoming, name, body)
  }

  function list(url: URL): Answer {
    const prefix = url.searchParams.get('prefix') ?? ''
    if (url.searchParams.has('uploads')) {
      const found = [...uploads].filter(([, { name }]) => name.startsWith(prefix))
      const items = found.map(
        ([id, { name, begunAt }]) =>
          `<Upload><Key>${escapeXml(name)}</Key><UploadId>${id}</UploadId><Initiated>${begunAt.toISOString()}</Initiated></Upload>`,
      )
      return {
        status: 200,
        body: `<ListMultipartUploadsResult>${items.join('')}</ListMultipartUploadsResult>`,
      }
    }
    const found = [...objects.keys()].filter((name) => name.startsWith(prefix))
    const items = found.map((name) => `<Contents><Key>${escapeXml(name)}</Key></Contents>`)
    return { status: 200, body: `<ListBucketResult>${items.join('')}</ListBucketResult>` }
  }

  function begin(name: string): Answer {
    const id = randomUUID()
    uploads.set(id, { name, parts: new Map(), begunAt: new Date() })
    return {
      status: 200,
      body: `<InitiateMultipartUploadResult><UploadId>${id}</UploadId></InitiateMultipartUploadResult>`,
    }
  }

  function multipart(incoming: IncomingMessage, url: URL, name: string, id: string, body: Buffer): Answer {
    const upload = uploads.get(id)
    if (upload === undefined || upload.name !== name) return refusal(404, 'NoSuchUpload')
    if (incoming.method === 'DELETE') {
      uploads.delete(id)
      return { status: 204 }
    }
    if (incoming.method === 'GET') return { status: 200, body: '<ListPartsResult></ListPartsResult>' }
    if (incoming.method === 'PUT') {
      upload.parts.set(Number(url.searchParams.get('partNumber')), body)
      return { status: 200, headers: { etag: etagOf(body) } }
    }
    return complete(incoming, name, id, upload, String(body))
  }

  function complete(
    incoming: IncomingMessage,
    name: string,
    id: string,
    upload: Upload,
    xml: string,
  ): Answer {
    const listed = [...xml.matchAll(/<PartNumber>(\d+)<\/PartNumber><ETag>(.*?)<\/ETag>/g)]
    if (listed.length === 0) return refusal(400, 'MalformedXML')
    const parts: Buffer[] = []
    for (const [at, [, number, etag]] of listed.entries()) {
      const bytes = upload.parts.get(Number(number))
      if (bytes === undefined || escapeXml(etagOf(bytes)) !== etag) return refusal(400, 'InvalidPart')
      if (at < listed.length - 1 && bytes.length < leastPartBytes) return refusal(400, 'EntityTooSmall')
      parts.push(bytes)
    }
    if (incoming.headers['if-none-match'] === '*' && objects.has(name))
      return refusal(412, 'PreconditionFailed')
    objects.set(name, Buffer.concat(parts))
    uploads.delete(id)
    return { status: 200, body: '<CompleteMultipartUploadResult></CompleteMultipartUploadResult>' }
  }

  function single(incoming: IncomingMessage, name: string, body: Buffer): Answer {
    const there = objects.get(name)
    if (incoming.method === 'PUT') {
      if (incoming.headers['if-none-match'] === '*' && there !== undefined)
        return refusal(412, 'PreconditionFailed')
      objects.set(name, body)
      return { status: 200, headers: { etag: etagOf(body) } }
    }
    if (incoming.method === 'DELETE') {
      objects.delete(name)
      return { status: 204 }
    }
    if (there === undefined) return refusal(404, 'NoSuchKey')
    const range = /^bytes=(\d+)-(\d+)$/.exec(incoming.headers.range ?? '')
    if (range === null)
      return { status: 200, body: there, headers: { 'content-length': String(there.length) } }
    return { status: 206, body: there.subarray(Number(range[1]), Number(range[2]) + 1) }
  }

  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  const credentials = `${accessKey}:${encodeURIComponent(secretKey)}`
  return {
    url: `http://${credentials}@127.0.0.1:${port}/bucket/some/prefix?region=${region}`,
    names: () => [...objects.keys()],
    uploads: () => uploads.size,
    failNext: (count) => {
      failures = count
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

function signatureProblem(incoming: IncomingMessage, url: URL, body: Buffer): string | undefined {
  const { headers } = incoming
  const match = /^AWS4-HMAC-SHA256 Credential=([^,]+), SignedHeaders=([^,]+), Signature=([0-9a-f]{64})$/.exec(
    headers.authorization ?? '',
  )
  if (match === null) return 'AccessDenied'
  const [, credential = '', signedHeaders = '', signature] = match
  const [key, day = '', ...place] = credential.split('/')
  if (key !== accessKey || place.join('/') !== `${region}/s3/aws4_request`) return 'InvalidAccessKeyId'
  if (headers['x-amz-content-sha256'] !== sha256Of(body)) return 'XAmzContentSHA256Mismatch'
  const time = String(headers['x-amz-date'])
  if (!time.startsWith(day)) return 'RequestTimeTooSkewed'
  const query = [...url.searchParams]
    .map((pair) => pair.map(encodeRfc3986).join('='))
    .sort()
    .join('&')
  const canonical = [
    incoming.method,
    url.pathname,
    query,
    ...signedHeaders.split(';').map((name) => `${name}:${headers[name]}`),
    '',
    signedHeaders,
    sha256Of(body),
  ].join('\n')
  const scope = `${day}/${place.join('/')}`
  const text = ['AWS4-HMAC-SHA256', time, scope, sha256Of(canonical)].join('\n')
  const signingKey = [day, ...place].reduce<Uint8Array | string>(hmac, `AWS4${secretKey}`)
  return hmac(signingKey, text).toString('hex') === signature ? undefined : 'SignatureDoesNotMatch'
}

function encodeRfc3986(text: string): string {
  return encodeURIComponent(text).replace(
    /[!'()*]/g,
    (found) => `%${found.charCodeAt(0).toString(16).toUpperCase()}`,
  )
}

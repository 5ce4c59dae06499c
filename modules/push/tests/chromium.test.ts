import { createECDH } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type Browser, chromium } from 'playwright-core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { encryptWebPush } from '../src/web-push/encryption.ts'
import { until } from './push-service.ts'

const chromiumPath = process.env.PARLEY_CHROMIUM ?? '/usr/bin/chromium'
const worker = readFileSync(new URL('../../../sdk/client/service-worker/parley-push.js', import.meta.url))

let pages: Server
let origin: string
let browser: Browser
beforeAll(async () => {
  pages = createServer(({ url }, response) => {
    if (url?.startsWith('/parley-push.js')) {
      response.writeHead(200, { 'content-type': 'text/javascript' }).end(worker)
    } else response.writeHead(200, { 'content-type': 'text/html' }).end('<title>pushes</title>')
  })
  await new Promise<void>((resolve) => pages.listen(0, '127.0.0.1', resolve))
  origin = `http://127.0.0.1:${(pages.address() as AddressInfo).port}`
  browser = await chromium.launch({
    executablePath: chromiumPath,
    args: ['--no-sandbox', '--disable-gpu', '--no-first-run', '--disable-background-networking'],
  })
})
afterAll(async () => {
  await browser?.close()
  pages?.closeAllConnections()
  await new Promise((resolve) => pages.close(resolve))
})

test('PUSH-26: the service worker shows a push with its deep link', async () => {
  const context = await browser.newContext({ permissions: ['notifications'] })
  const page = await context.newPage()
  await page.goto(origin)
  await page.evaluate(async () => {
    await navigator.serviceWorker.register('/parley-push.js?open=%2Fchat%2F%7BconversationId%7D')
    await navigator.serviceWorker.ready
  })
  const devtools = await context.newCDPSession(page)
  let registrationId = ''
  devtools.on('ServiceWorker.workerRegistrationUpdated', ({ registrations }) => {
    registrationId = registrations.find(({ isDeleted }) => !isDeleted)?.registrationId ?? registrationId
  })
  await devtools.send('ServiceWorker.enable')
  await until(() => registrationId !== '')
  const data = { conversationId: 'conv_1', messageId: 'msg_1', seq: '7', pushId: 'push_1' }
  const push = { title: 'Crew', body: 'ann: hello', tag: 'conv_1', badge: 2, data }
  await devtools.send('ServiceWorker.deliverPushMessage', {
    ...{ origin, registrationId, data: JSON.stringify(push) },
  })
  const shown = await until(() =>
    page.evaluate(async () => {
      const registration = await navigator.serviceWorker.ready
      const [first] = await registration.getNotifications()
      return first && { title: first.title, body: first.body, tag: first.tag, data: first.data }
    }),
  )
  expect(shown).toEqual({ title: 'Crew', body: 'ann: hello', tag: 'conv_1', data })
  await context.close()
})

test('PUSH-20: WebCrypto in a browser opens what we seal', async () => {
  const page = await browser.newPage()
  await page.goto(origin)
  const base64 = await page.evaluate(async () => {
    const pair = await crypto.subtle.generateKey({ name: 'ECDH', namedCurve: 'P-256' }, false, ['deriveBits'])
    Object.assign(globalThis, { pair, auth: crypto.getRandomValues(new Uint8Array(16)) })
    const point = new Uint8Array(await crypto.subtle.exportKey('raw', pair.publicKey))
    const { auth } = globalThis as unknown as { auth: Uint8Array }
    return { point: btoa(String.fromCharCode(...point)), auth: btoa(String.fromCharCode(...auth)) }
  })
  const sender = createECDH('prime256v1')
  sender.generateKeys()
  const sealed = encryptWebPush(
    Buffer.from('grüße 你好'),
    { publicKey: Buffer.from(base64.point, 'base64'), authSecret: Buffer.from(base64.auth, 'base64') },
    { sender },
  )
  const opened = await page.evaluate(async (given) => {
    const { pair, auth } = globalThis as unknown as { pair: CryptoKeyPair; auth: Uint8Array<ArrayBuffer> }
    const body = Uint8Array.from(atob(given), (character) => character.charCodeAt(0))
    const text = (value: string) => new TextEncoder().encode(value)
    const ours = new Uint8Array(await crypto.subtle.exportKey('raw', pair.publicKey))
    const theirs = body.slice(21, 21 + 65)
    const derive = async (
      key: ArrayBuffer,
      salt: Uint8Array<ArrayBuffer>,
      info: BlobPart[],
      bits: number,
    ) => {
      const material = await crypto.subtle.importKey('raw', key, 'HKDF', false, ['deriveBits'])
      const how = { name: 'HKDF', hash: 'SHA-256', salt, info: await new Blob(info).arrayBuffer() }
      return crypto.subtle.deriveBits(how, material, bits)
    }
    const curve = { name: 'ECDH', namedCurve: 'P-256' }
    const sender = await crypto.subtle.importKey('raw', theirs, curve, false, [])
    const shared = await crypto.subtle.deriveBits({ name: 'ECDH', public: sender }, pair.privateKey, 256)
    const ikm = await derive(shared, auth, [text('WebPush: info\0'), ours, theirs], 256)
    const salt = body.slice(0, 16)
    const contentKey = await derive(ikm, salt, [text('Content-Encoding: aes128gcm\0')], 128)
    const iv = await derive(ikm, salt, [text('Content-Encoding: nonce\0')], 96)
    const key = await crypto.subtle.importKey('raw', contentKey, 'AES-GCM', false, ['decrypt'])
    const plain = new Uint8Array(await crypto.subtle.decrypt({ name: 'AES-GCM', iv }, key, body.slice(86)))
    if (plain.at(-1) !== 2) throw new Error('no delimiter')
    return new TextDecoder().decode(plain.slice(0, -1))
  }, sealed.toString('base64'))
  expect(opened).toBe('grüße 你好')
  await page.close()
})

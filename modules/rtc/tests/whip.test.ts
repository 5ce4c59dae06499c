import { type DevCloud, startDevCloud } from '@parley/testing/devcloud'
import { SyntheticPeer } from '@parley/testing/rtc-client'
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest'
import { buildSfu } from './build-sfu.ts'
import { CallMember } from './call-member.ts'

const missing = await buildSfu()
const soon = { timeout: 15_000, interval: 50 }
const both = { audio: true, video: true } as const
const offerType = 'application/sdp'
const fragmentType = 'application/trickle-ice-sdpfrag'

describe.skipIf(missing !== '')(`WHIP and WHEP${missing && ` (skipped: ${missing})`}`, () => {
  let cloud: DevCloud
  let publishing = ''
  let playing = ''
  const peers: SyntheticPeer[] = []

  beforeAll(async () => {
    cloud = await startDevCloud({
      env: {
        PARLEY_MEDIA_ADDRESSES: '127.0.0.1',
        PARLEY_TURN_URLS: 'turn:turn.example.com:3478',
        PARLEY_TURN_SECRET: 'shared',
      },
    })
    publishing = await cloud.token('studio', { grants: { rtc: { room: 'live', publish: true } } })
    playing = await cloud.token('viewer', { grants: { rtc: { room: 'live', subscribe: true } } })
  })
  afterEach(() => {
    for (const peer of peers.splice(0)) peer.close()
  })
  afterAll(() => cloud.close())

  const peer = (options: ConstructorParameters<typeof SyntheticPeer>[0]): SyntheticPeer => {
    const made = new SyntheticPeer({ address: '127.0.0.1', ...options })
    peers.push(made)
    return made
  }
  const request = async (
    method: string,
    path: string,
    {
      token,
      type,
      body,
      headers = {},
    }: { token?: string; type?: string; body?: string; headers?: object } = {},
  ) => {
    const response = await fetch(new URL(path, cloud.url), {
      method,
      headers: {
        ...(token !== undefined && { authorization: `Bearer ${token}` }),
        ...(type !== undefined && { 'content-type': type }),
        ...headers,
      },
      ...(body !== undefined && { body }),
    })
    const text = await response.text()
    const problem = /problem\+json/.test(response.headers.get('content-type') ?? '')
    const code = problem ? (JSON.parse(text) as { code: string }).code : undefined
    return { status: response.status, headers: response.headers, text, code }
  }
  const whip = (token: string, body: string, more = {}) =>
    request('POST', '/v1/rtc/rooms/live/whip', { token, type: offerType, body, ...more })
  const whep = (token: string, body: string, more = {}) =>
    request('POST', '/v1/rtc/rooms/live/whep', { token, type: offerType, body, ...more })

  test('RTC-30: what is published by WHIP plays by WHEP and in the room, and DELETE ends it', async () => {
    const publisher = peer({ send: both })
    const published = await whip(publishing, await publisher.createOffer())
    expect(published.status).toBe(201)
    expect(published.headers.get('content-type')).toBe(offerType)
    expect(published.headers.get('location')).toMatch(/^\/v1\/rtc\/rooms\/live\/whip\/part_\w+$/)
    expect(published.headers.get('accept-patch')).toBe(fragmentType)
    expect(published.headers.get('link')).toMatch(
      /^<turn:turn\.example\.com:3478>; rel="ice-server"; username="\d+:studio"; credential="[\w+/=]+"/,
    )
    publisher.acceptAnswer(published.text)
    const player = peer({ receive: { audio: 1, video: 1 } })
    const played = await whep(playing, await player.createOffer())
    expect(played.status).toBe(201)
    player.acceptAnswer(played.text)
    const member = await CallMember.join({
      url: cloud.url,
      token: await cloud.token('alice'),
      roomId: 'live',
    })
    expect(member.joined.participants).toMatchObject([{ userId: 'studio', publications: [{}, {}] }])
    for (const receiver of [player, member.subscriber]) {
      await vi.waitFor(() => {
        const { inbound } = receiver.statistics()
        expect(inbound.find(({ kind }) => kind === 'audio')?.frames).toBeGreaterThan(20)
        expect(inbound.find(({ kind }) => kind === 'video')?.frames).toBeGreaterThan(20)
      }, soon)
    }
    const location = published.headers.get('location') ?? ''
    expect((await request('DELETE', location, { token: playing })).status).toBe(403)
    expect((await request('DELETE', location, { token: publishing })).status).toBe(200)
    expect((await request('DELETE', location, { token: publishing })).status).toBe(404)
    await member.client.waitFor('rtc.participant-left')
    await member.close()
  })

  test('RTC-31: a player that came first plays what is published later', async () => {
    const player = peer({ receive: { audio: 1, video: 1 } })
    const played = await whep(playing, await player.createOffer())
    player.acceptAnswer(played.text)
    await player.connected
    const publisher = peer({ send: both })
    publisher.acceptAnswer((await whip(publishing, await publisher.createOffer())).text)
    await vi.waitFor(() => {
      for (const kind of ['audio', 'video']) {
        expect(player.statistics().inbound.find((one) => one.kind === kind)?.frames).toBeGreaterThan(10)
      }
    }, soon)
  })

  test('RTC-37: a player that comes soon after another begins without asking the publisher', async () => {
    const publisher = peer({ send: { video: true } })
    publisher.acceptAnswer((await whip(publishing, await publisher.createOffer())).text)
    await publisher.connected
    const play = async () => {
      const player = peer({ receive: { video: 1 } })
      player.acceptAnswer((await whep(playing, await player.createOffer())).text)
      await vi.waitFor(() => expect(player.statistics().inbound[0]?.frames).toBeGreaterThan(0), soon)
      return publisher.statistics().outbound[0]?.keyFrameRequests ?? 0
    }
    const requests = [await play()]
    for (let others = 0; others < 6; others++) requests.push(await play())
    // What is kept is 1.5 s old at most, so a slow machine may ask now and then, but not for each.
    expect(requests.some((count, index) => index > 1 && count === requests[index - 1])).toBe(true)
  })

  test('RTC-32: ICE restarts by PATCH while media goes on, and candidates may trickle', async () => {
    const publisher = peer({ send: both })
    const published = await whip(publishing, await publisher.createOffer())
    publisher.acceptAnswer(published.text)
    await publisher.connected
    const location = published.headers.get('location') ?? ''
    const tag = published.headers.get('etag') ?? ''
    const patch = (body: string, ifMatch?: string, type = fragmentType) =>
      request('PATCH', location, {
        ...{ token: publishing, type, body },
        ...(ifMatch !== undefined && { headers: { 'if-match': ifMatch } }),
      })
    const credentials = (sdp: string) => ({
      ufrag: /a=ice-ufrag:(\S+)/.exec(sdp)?.[1] ?? '',
      pwd: /a=ice-pwd:(\S+)/.exec(sdp)?.[1] ?? '',
    })
    const trickled =
      'm=audio 9 UDP/TLS/RTP/SAVPF 0\r\na=mid:0\r\na=candidate:1 1 udp 1 192.0.2.1 9 typ host\r\n'
    expect((await patch(trickled, tag)).status).toBe(204)
    expect(await patch(trickled)).toMatchObject({ status: 428, code: 'precondition-required' })
    expect(await patch(trickled, '"other"')).toMatchObject({ status: 412, code: 'version-mismatch' })
    expect((await patch(trickled, tag, 'application/json')).status).toBe(415)
    expect((await patch('nonsense', tag)).status).toBe(400)
    expect((await patch('a=candidate:x\r\n', tag)).status).toBe(400)
    const offer = await publisher.createOffer({ iceRestart: true })
    const { ufrag, pwd } = credentials(offer)
    const fragment = `a=ice-ufrag:${ufrag}\r\na=ice-pwd:${pwd}\r\n`
    expect((await patch(fragment, tag)).status).toBe(409)
    const restarted = await patch(fragment, '*')
    expect(restarted.status).toBe(200)
    expect(restarted.headers.get('etag')).not.toBe(tag)
    const fresh = credentials(restarted.text)
    const old = credentials(published.text)
    expect(fresh).not.toEqual(old)
    publisher.acceptAnswer(published.text.replaceAll(old.ufrag, fresh.ufrag).replaceAll(old.pwd, fresh.pwd))
    expect((await patch(trickled, tag)).status).toBe(412)
    const player = peer({ receive: { video: 1 } })
    player.acceptAnswer((await whep(playing, await player.createOffer())).text)
    await vi.waitFor(() => expect(player.statistics().inbound[0]?.frames).toBeGreaterThan(20), soon)
  })

  test('RTC-33: everything wrong has its status', async () => {
    const offer = await peer({ send: both }).createOffer()
    const receiving = await peer({ receive: { audio: 1 } }).createOffer()
    const path = '/v1/rtc/rooms/live/whip'
    const anonymous = await request('POST', path, { type: offerType, body: offer })
    expect(anonymous).toMatchObject({ status: 401, code: 'unauthenticated' })
    expect(anonymous.headers.get('www-authenticate')).toMatch(/^Bearer/)
    expect((await whip('forged', offer)).status).toBe(401)
    expect(await whip(playing, offer)).toMatchObject({ status: 403, code: 'grant-missing' })
    expect(await whep(publishing, receiving)).toMatchObject({ status: 403, code: 'grant-missing' })
    const elsewhere = '/v1/rtc/rooms/elsewhere/whip'
    expect(
      await request('POST', elsewhere, { token: publishing, type: offerType, body: offer }),
    ).toMatchObject({
      status: 403,
    })
    expect((await whip(publishing, offer, { type: 'text/plain' })).status).toBe(415)
    expect((await whip(publishing, offer, { headers: { accept: 'text/html' } })).status).toBe(406)
    expect((await whip(publishing, 'nonsense')).status).toBe(400)
    expect((await whip(publishing, `${offer}a=x:${'x'.repeat(300_000)}`)).status).toBe(413)
    expect(await whip(publishing, receiving)).toMatchObject({ status: 422, code: 'sdp-not-supported' })
    expect(await whep(playing, offer)).toMatchObject({ status: 422, code: 'sdp-not-supported' })
    for (const method of ['GET', 'PUT', 'PATCH']) {
      const refused = await request(method, path, {
        token: publishing,
        ...(method !== 'GET' && { body: '' }),
      })
      expect(refused).toMatchObject({ status: 405 })
      expect(refused.headers.get('allow')).toContain('POST')
    }
    const gone = `${path}/part_00000000000000000000000000`
    expect((await request('DELETE', gone, { token: publishing })).status).toBe(404)
    expect((await request('PATCH', gone, { token: publishing, type: fragmentType, body: '' })).status).toBe(
      404,
    )
    const { body } = await cloud.call('GET', '/v1/rtc/rooms/live/participants')
    expect(body).toMatchObject({ items: [] })
  })

  test('RTC-35: OPTIONS tells what is taken, to browsers of other origins too, and openapi.json says the same', async () => {
    const preflight = {
      origin: 'https://app.example.com',
      'access-control-request-method': 'PATCH',
      'access-control-request-headers': 'authorization,content-type,if-match',
    }
    const { paths } = (await (await fetch(`${cloud.url}/v1/openapi.json`)).json()) as {
      paths: Record<
        string,
        Record<string, { requestBody?: { content: object }; responses: Record<string, object> }>
      >
    }
    for (const kind of ['whip', 'whep']) {
      const endpoint = await request('OPTIONS', `/v1/rtc/rooms/live/${kind}`, { headers: preflight })
      expect(endpoint.status).toBe(200)
      expect(endpoint.headers.get('accept-post')).toBe(offerType)
      expect(endpoint.headers.get('allow')).toBe('POST, OPTIONS')
      expect(endpoint.headers.get('access-control-allow-origin')).toBe('*')
      const session = await request('OPTIONS', `/v1/rtc/rooms/live/${kind}/part_1`, { headers: preflight })
      expect(session.status).toBe(200)
      expect(session.headers.get('accept-patch')).toBe(fragmentType)
      expect(session.headers.get('allow')).toBe('PATCH, DELETE, OPTIONS')
      expect(session.headers.get('access-control-allow-headers')).toMatch(
        /Authorization.*Content-Type.*If-Match/,
      )
      const described = paths[`/v1/rtc/rooms/{roomId}/${kind}`]
      expect(Object.keys(described?.post?.requestBody?.content ?? {})).toEqual([offerType])
      expect(described?.post?.responses).toMatchObject({
        201: { headers: { Location: {}, ETag: {}, Link: {} }, content: { [offerType]: {} } },
        ...{ 400: {}, 401: {}, 403: {}, 406: {}, 413: {}, 415: {}, 422: {} },
      })
      expect(described?.options?.responses).toMatchObject({ 200: { headers: { 'Accept-Post': {} } } })
      const later = paths[`/v1/rtc/rooms/{roomId}/${kind}/{participantId}`]
      expect(later?.patch?.responses).toMatchObject({
        200: { content: { [fragmentType]: {} } },
        ...{ 204: {}, 400: {}, 403: {}, 404: {}, 409: {}, 412: {}, 415: {}, 428: {} },
      })
      expect(later?.delete?.responses).toMatchObject({ 200: {}, 404: {} })
    }
  })

  test('RTC-36: entity tags compare strongly, and candidates that cannot be used are passed over', async () => {
    const publisher = peer({ send: { audio: true } })
    const published = await whip(publishing, await publisher.createOffer())
    publisher.acceptAnswer(published.text)
    const location = published.headers.get('location') ?? ''
    const tag = published.headers.get('etag') ?? ''
    expect(tag).toMatch(/^"/)
    const patch = (body: string, ifMatch: string) =>
      request('PATCH', location, {
        token: publishing,
        type: fragmentType,
        body,
        headers: { 'if-match': ifMatch },
      })
    const candidates = [
      'candidate:1 1 sctp 1 192.0.2.1 9 typ host',
      'candidate:2 1 udp 1 somebody.invalid 9 typ host',
      'candidate:3 1 tcp 1 192.0.2.1 9 typ host tcptype active',
      'candidate:4 1 udp 1 5c2f1ab0-0000-4000-8000-000000000000.local 9 typ host',
    ].map((line) => `a=${line}\r\n`)
    const fragment = `m=audio 9 UDP/TLS/RTP/SAVPF 0\r\na=mid:0\r\n${candidates.join('')}a=end-of-candidates\r\n`
    expect(await patch(fragment, tag)).toMatchObject({ status: 204, text: '' })
    expect((await patch(fragment, `"other", ${tag}`)).status).toBe(204)
    expect((await patch(fragment, `W/${tag}`)).status).toBe(412)
    expect((await patch('a=candidate:1 1 sctp\r\n', tag)).status).toBe(400)
    // A restart that cannot be done leaves the session as it is.
    expect((await patch('a=ice-ufrag:abcd\r\n', '*')).status).toBe(400)
    expect((await patch(fragment, tag)).status).toBe(204)
    const restarted = await patch('a=ice-ufrag:abcd\r\na=ice-pwd:abcdefghijklmnopqrstuv\r\n', '"*"')
    expect(restarted.status).toBe(200)
    expect(restarted.headers.get('content-type')).toBe(fragmentType)
    expect(restarted.text).toMatch(/^a=ice-lite\r\n/)
    // Ending a session needs no tag, and minds none.
    const ended = await request('DELETE', location, { token: publishing, headers: { 'if-match': '"other"' } })
    expect(ended.status).toBe(200)
  })

  test('RTC-34: a publisher by WHIP takes the sources its grant allows', async () => {
    const token = await cloud.token('caster', { grants: { rtc: { room: 'live', publish: ['screen'] } } })
    const publisher = peer({ send: both })
    expect(await whip(token, await publisher.createOffer())).toMatchObject({
      status: 403,
      code: 'grant-missing',
    })
    const pictures = peer({ send: { video: true } })
    expect((await whip(token, await pictures.createOffer())).status).toBe(201)
    const { body } = await cloud.call('GET', '/v1/rtc/rooms/live/participants')
    expect(body).toMatchObject({ items: [{ userId: 'caster', publications: [{ source: 'screen' }] }] })
  })
})

import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { ProtocolViolation } from '../violation.ts'
import {
  type Candidate,
  candidatePriority,
  parseCandidate,
  parseSdp,
  type SessionDescription,
  serializeCandidate,
  serializeSdp,
} from './index.ts'

const FINGERPRINT = Array.from({ length: 32 }, (_, index) =>
  index.toString(16).padStart(2, '0').toUpperCase(),
).join(':')

const section = (media: string, mid: string, lines: readonly string[]) => [
  media,
  'c=IN IP4 0.0.0.0',
  'a=rtcp:9 IN IP4 0.0.0.0',
  'a=ice-ufrag:1234',
  'a=ice-pwd:abcdefghijklmnopqrstuvwx',
  'a=ice-options:trickle',
  `a=fingerprint:sha-256 ${FINGERPRINT}`,
  'a=setup:actpass',
  `a=mid:${mid}`,
  ...lines,
]

/** The shape Chromium writes: simulcast by rid, rtx pairs, ssrc lines for audio, a data channel. */
const browserOffer = [
  'v=0',
  'o=- 4611733054762223410 2 IN IP4 127.0.0.1',
  's=-',
  't=0 0',
  'a=group:BUNDLE 0 1 2',
  'a=extmap-allow-mixed',
  'a=msid-semantic: WMS',
  ...section('m=audio 9 UDP/TLS/RTP/SAVPF 111 63 9 0 126', '0', [
    'a=candidate:1 1 udp 2113937151 192.168.1.5 50000 typ host generation 0 network-cost 999',
    'a=candidate:2 1 tcp 1518214911 192.168.1.5 9 typ host tcptype active generation 0',
    'a=candidate:3 1 udp 2113937151 3b1c-11.local 50001 typ host',
    'a=candidate:broken',
    'a=extmap:1 urn:ietf:params:rtp-hdrext:ssrc-audio-level',
    'a=extmap:4/recvonly urn:ietf:params:rtp-hdrext:sdes:mid',
    'a=sendonly',
    'a=msid:{5f0c} track-a',
    'a=rtcp-mux',
    'a=rtpmap:111 opus/48000/2',
    'a=rtcp-fb:111 transport-cc',
    'a=fmtp:111 minptime=10;useinbandfec=1',
    'a=rtpmap:63 red/48000/2',
    'a=fmtp:63 111/111',
    'a=rtpmap:126 telephone-event/8000',
    'a=ssrc:111222 cname:abc',
    'a=ssrc:111222 msid:{5f0c} track-a',
  ]),
  ...section('m=video 9 UDP/TLS/RTP/SAVPF 96 97 102 103', '1', [
    'a=sendrecv',
    'a=rtpmap:96 VP8/90000',
    'a=rtcp-fb:* goog-remb',
    'a=rtcp-fb:96 nack',
    'a=rtcp-fb:96 nack pli',
    'a=rtpmap:97 rtx/90000',
    'a=fmtp:97 apt=96',
    'a=rtpmap:102 H264/90000',
    'a=fmtp:102 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42001f',
    'a=rtpmap:103 rtx/90000',
    'a=fmtp:103 apt=102',
    'a=rid:q send max-width=320;max-height=180',
    'a=rid:h-1 send',
    'a=rid:f send',
    'a=simulcast:send q;~h-1;f',
    'a=ssrc-group:FID 5 6',
    'b=AS:2500',
  ]),
  ...section('m=application 9 UDP/DTLS/SCTP webrtc-datachannel', '2', [
    'a=sctp-port:5000',
    'a=max-message-size:262144',
  ]),
  '',
].join('\r\n')

describe('a browser offer', () => {
  const offer = parseSdp(browserOffer)

  test('transport, bundle and the candidates that can be read', () => {
    expect(offer).toMatchObject({
      sessionId: '4611733054762223410',
      sessionVersion: 2,
      bundle: ['0', '1', '2'],
    })
    expect(offer.transport).toMatchObject({
      iceUfrag: '1234',
      icePwd: 'abcdefghijklmnopqrstuvwx',
      fingerprint: { algorithm: 'sha-256', value: FINGERPRINT },
      setup: 'actpass',
    })
    expect(offer.transport.candidates).toMatchObject([
      { transport: 'udp', address: '192.168.1.5', port: 50_000, type: 'host' },
      { transport: 'tcp', tcpType: 'active', port: 9 },
      { address: '3b1c-11.local' },
    ])
  })

  test('audio: codecs with parameters, static types without rtpmap, extensions, msid with braces', () => {
    expect(offer.media[0]).toMatchObject({
      mid: '0',
      kind: 'audio',
      direction: 'sendonly',
      rejected: false,
      msid: { stream: '{5f0c}', track: 'track-a' },
      headerExtensions: [
        { id: 1, uri: 'urn:ietf:params:rtp-hdrext:ssrc-audio-level' },
        { id: 4, direction: 'recvonly' },
      ],
      sources: [{ ssrc: 111222, cname: 'abc' }],
    })
    expect(offer.media[0]?.codecs).toEqual([
      {
        payloadType: 111,
        name: 'opus',
        clockRate: 48_000,
        channels: 2,
        parameters: { minptime: '10', useinbandfec: '1' },
        feedback: ['transport-cc'],
      },
      {
        payloadType: 63,
        name: 'red',
        clockRate: 48_000,
        channels: 2,
        parameters: { '111/111': '' },
        feedback: [],
      },
      { payloadType: 9, name: 'G722', clockRate: 8_000, parameters: {}, feedback: [] },
      { payloadType: 0, name: 'PCMU', clockRate: 8_000, parameters: {}, feedback: [] },
      { payloadType: 126, name: 'telephone-event', clockRate: 8_000, parameters: {}, feedback: [] },
    ])
  })

  test('video: rtx belongs to its codec, wildcard feedback to all, rids with dashes, paused streams', () => {
    const video = offer.media[1]
    expect(
      video?.codecs.map(({ name, retransmissionPayloadType }) => [name, retransmissionPayloadType]),
    ).toEqual([
      ['VP8', 97],
      ['H264', 103],
    ])
    expect(video?.codecs[0]?.feedback).toEqual(['goog-remb', 'nack', 'nack pli'])
    expect(video?.simulcast).toEqual({ send: ['q', 'h-1', 'f'], recv: [] })
    expect(video?.rids.map(({ id }) => id).sort()).toEqual(['f', 'h-1', 'q'])
    expect(video?.rids[0]?.restrictions).toEqual({ 'max-width': '320', 'max-height': '180' })
    expect(video?.sourceGroups).toEqual([{ semantics: 'FID', ssrcs: [5, 6] }])
    expect(video?.bandwidthKbps).toBe(2500)
    expect(offer.media[2]?.sctp).toEqual({ port: 5000, maxMessageSize: 262_144 })
  })

  test('what was read can be written and read again', () => {
    // A rid with a dash is the one thing sdp-transform orders differently.
    const again = parseSdp(serializeSdp(offer))
    expect({ ...again, media: again.media.map(({ rids: _, ...rest }) => rest) }).toEqual({
      ...offer,
      media: offer.media.map(({ rids: _, ...rest }) => rest),
    })
  })
})

describe('RTC-193: peers who only receive', () => {
  const listener = (user: string, lines: readonly string[] = []) =>
    parseSdp(
      browserOffer
        .split('\r\n')
        .filter((line) => !/^a=(ssrc|msid|rid|simulcast)/.test(line))
        .flatMap((line) => (line.startsWith('m=video') ? [...lines, line] : [line]))
        .join('\r\n')
        .replaceAll('1234', user)
        .replaceAll('192.168.1.5', `192.168.1.${user.length}`),
    )

  test('share what was read of their sections, which nobody can change', () => {
    const [one, other] = [listener('alice'), listener('robert')]
    expect(one.media).toHaveLength(3)
    one.media.forEach((section, index) => {
      expect(other.media[index]).toBe(section)
    })
    expect(Object.isFrozen(one.media[0]?.codecs[0]?.parameters)).toBe(true)
  })

  test('have their transports for themselves', () => {
    const [one, other] = [listener('alice').transport, listener('robert').transport]
    expect([one.iceUfrag, other.iceUfrag]).toEqual(['alice', 'robert'])
    expect(one.candidates[0]?.address).toBe('192.168.1.5')
    expect(other.candidates[0]?.address).toBe('192.168.1.6')
  })

  test('share nothing of a section that says what only one of them has', () => {
    const lines = ['a=ssrc:7 cname:own']
    const [one, other] = [listener('alice', lines), listener('robert', lines)]
    expect(other.media[0]).toEqual(one.media[0])
    expect(other.media[0]).not.toBe(one.media[0])
    expect(other.media[1]).toBe(one.media[1])
  })
})

describe('garbage', () => {
  const without = (pattern: RegExp) =>
    browserOffer
      .split('\r\n')
      .filter((line) => !pattern.test(line))
      .join('\r\n')
  const changed = (from: string, to: string) => browserOffer.replaceAll(from, to)
  test.each([
    ['nothing', ''],
    ['another protocol', 'GET / HTTP/1.1\r\n\r\n'],
    ['no origin', without(/^o=/)],
    ['no ice-ufrag', without(/^a=ice-ufrag/)],
    ['a short ice-pwd', changed('abcdefghijklmnopqrstuvwx', 'short')],
    ['no fingerprint', without(/^a=fingerprint/)],
    ['a weak hash', changed('sha-256', 'sha-1')],
    ['a fingerprint cut short', changed(`sha-256 ${FINGERPRINT}`, `sha-256 ${FINGERPRINT.slice(3)}`)],
    ['an unknown setup', changed('actpass', 'holdconn')],
    ['no mid', without(/^a=mid/)],
    ['one mid twice', changed('a=mid:1', 'a=mid:0')],
    ['a bundle of unknown sections', changed('BUNDLE 0 1 2', 'BUNDLE 0 1 2 7')],
    ['a payload type twice', changed('SAVPF 96 97', 'SAVPF 96 96')],
    ['a payload type out of range', changed('SAVPF 96 97', 'SAVPF 96 300')],
    ['an extension id twice', changed('a=extmap:4/recvonly', 'a=extmap:1')],
    ['an unknown kind', changed('m=video', 'm=smell')],
    ['a line that is none', changed('t=0 0', 'hello')],
    ['too many lines', `${browserOffer}${'a=x\r\n'.repeat(30_000)}`],
    ['a line without end', `${browserOffer}a=fmtp:96 ${'x'.repeat(100_000)}\r\n`],
    ['too much', `${browserOffer}${`a=${'x'.repeat(5_000)}\r\n`.repeat(300)}`],
  ])('%s is refused with a ProtocolViolation', (_name, text) => {
    expect(() => parseSdp(text)).toThrow(ProtocolViolation)
  })

  test('random text and damaged offers end in a description or a ProtocolViolation', () => {
    const orViolation = (text: string) => {
      try {
        serializeSdp(parseSdp(text))
      } catch (error) {
        expect(error).toBeInstanceOf(ProtocolViolation)
      }
    }
    const lines = browserOffer.split('\r\n')
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 300 }), (text) => orViolation(`v=0\r\n${text}`)),
    )
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat(), fc.nat(), fc.string({ maxLength: 12 })), { maxLength: 6 }),
        (edits) => {
          const edited = [...lines]
          for (const [line, column, text] of edits) {
            const at = line % edited.length
            const original = edited[at] ?? ''
            const cut = column % (original.length + 1)
            edited[at] = original.slice(0, cut) + text + original.slice(cut + text.length)
          }
          orViolation(edited.join('\r\n'))
        },
      ),
      { numRuns: 1500 },
    )
  })

  test('a line of digits alone is skipped like any other that is not known', () => {
    expect(parseSdp(changed('a=sendonly', 'a=sendonly\r\na=0')).media).toHaveLength(
      parseSdp(browserOffer).media.length,
    )
  })

  test('a value cannot break out of its line', () => {
    const offer = parseSdp(browserOffer)
    const forged: SessionDescription = { ...offer, sessionId: '1\r\na=evil' }
    expect(() => serializeSdp(forged)).toThrow(ProtocolViolation)
  })
})

test('RFC 8839: candidates survive the wire', () => {
  const candidate: fc.Arbitrary<Candidate> = fc.record(
    {
      foundation: fc.stringMatching(/^[a-zA-Z0-9+/]{1,32}$/),
      component: fc.integer({ min: 1, max: 256 }),
      transport: fc.constantFrom('udp', 'tcp'),
      priority: fc.nat(0x7fffffff),
      address: fc.oneof(fc.ipV4(), fc.ipV6(), fc.constant('a-b.local')),
      port: fc.nat(65_535),
      type: fc.constantFrom('host', 'srflx', 'prflx', 'relay'),
      tcpType: fc.constantFrom('active', 'passive', 'so'),
      relatedAddress: fc.ipV4(),
      relatedPort: fc.nat(65_535),
    },
    { requiredKeys: ['foundation', 'component', 'transport', 'priority', 'address', 'port', 'type'] },
  ) as fc.Arbitrary<Candidate>
  fc.assert(
    fc.property(candidate, (sent) => {
      expect(parseCandidate(serializeCandidate(sent))).toEqual(sent)
    }),
  )
  expect(candidatePriority('host')).toBe(2_130_706_431)
  expect(() => parseCandidate('candidate:1 1 udp 1 1.2.3.4 70000 typ host')).toThrow(ProtocolViolation)
})

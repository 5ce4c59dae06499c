import { expect, test } from 'vitest'
import { withOpusParameters, withPacketTime } from './opus-parameters.ts'

const sdp = [
  'v=0',
  'm=audio 9 UDP/TLS/RTP/SAVPF 63 111',
  'a=mid:0',
  'a=rtpmap:63 red/48000/2',
  'a=fmtp:63 111/111',
  'a=rtpmap:111 opus/48000/2',
  'a=fmtp:111 minptime=10;useinbandfec=1',
  'm=audio 9 UDP/TLS/RTP/SAVPF 109',
  'a=mid:1',
  'a=rtpmap:109 opus/48000/2',
  'a=sendrecv',
  'm=video 9 UDP/TLS/RTP/SAVPF 96',
  'a=mid:2',
  'a=rtpmap:96 VP8/90000',
  '',
].join('\r\n')

test('parameters are merged into the line of Opus, and nothing else changes', () => {
  const changed = withOpusParameters(sdp, (mid) =>
    mid === '0' ? { usedtx: '1', minptime: '20' } : undefined,
  )
  expect(changed).toBe(sdp.replace('minptime=10;useinbandfec=1', 'minptime=20;useinbandfec=1;usedtx=1'))
})

test('a missing line is added after the map', () => {
  const changed = withOpusParameters(sdp, (mid) => (mid === '1' ? { stereo: '1' } : undefined))
  expect(changed).toBe(
    sdp.replace('a=rtpmap:109 opus/48000/2\r\n', 'a=rtpmap:109 opus/48000/2\r\na=fmtp:109 stereo=1\r\n'),
  )
})

test('a section without Opus stays as it is', () => {
  expect(withOpusParameters(sdp, (mid) => (mid === '2' ? { stereo: '1' } : undefined))).toBe(sdp)
})

test('RTC-102: packets of a named section are asked to hold longer sound', () => {
  const sdp = 'v=0\r\nm=audio 9 X 111\r\na=mid:0\r\na=ptime:20\r\nm=audio 9 X 111\r\na=mid:1\r\n'
  expect(withPacketTime(sdp, (mid) => (mid === '0' ? 60 : undefined))).toBe(
    'v=0\r\nm=audio 9 X 111\r\na=mid:0\r\na=ptime:60\r\nm=audio 9 X 111\r\na=mid:1\r\n',
  )
})

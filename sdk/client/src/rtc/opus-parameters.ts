/**
 * Adds format parameters (RFC 7587, section 6.1) to the Opus lines of the named sections. What a receiver states
 * in its description is what a sender obeys, so this is done to the answer of the other side.
 */
export function withOpusParameters(
  sdp: string,
  parametersOf: (mid: string) => Readonly<Record<string, string>> | undefined,
): string {
  const [head = '', ...sections] = sdp.split(/^(?=m=)/m)
  return head + sections.map((section) => changeSection(section, parametersOf)).join('')
}

function changeSection(
  section: string,
  parametersOf: (mid: string) => Readonly<Record<string, string>> | undefined,
): string {
  const mid = /^a=mid:(\S+)/m.exec(section)?.[1]
  const payloadType = /^a=rtpmap:(\d+) opus\/48000/im.exec(section)?.[1]
  const parameters = mid === undefined ? undefined : parametersOf(mid)
  if (payloadType === undefined || !parameters) return section
  const line = new RegExp(`^a=fmtp:${payloadType} (.*)$`, 'm')
  const present = line.exec(section)
  if (!present) {
    const text = Object.entries(parameters).map(([name, value]) => `${name}=${value}`)
    return section.replace(
      new RegExp(`^a=rtpmap:${payloadType} .*$`, 'm'),
      (map) => `${map}\r\na=fmtp:${payloadType} ${text.join(';')}`,
    )
  }
  const merged = new Map(
    (present[1] ?? '').split(';').map((pair) => {
      const [name = '', value = ''] = pair.trim().split('=')
      return [name, value]
    }),
  )
  for (const [name, value] of Object.entries(parameters)) merged.set(name, value)
  const text = [...merged].map(([name, value]) => `${name}=${value}`).join(';')
  return section.replace(line, () => `a=fmtp:${payloadType} ${text}`)
}

/**
 * Offers that lost sound is sent again when it is asked for (`a=rtcp-fb` of Opus with `nack`, RFC 4585): browsers can,
 * but do not offer it by themselves.
 */
export function withAudioRequests(sdp: string): string {
  return sdp.replace(/^a=rtpmap:(\d+) opus\/48000.*\r\n/gim, (line, payloadType: string) =>
    sdp.includes(`a=rtcp-fb:${payloadType} nack\r\n`) ? line : `${line}a=rtcp-fb:${payloadType} nack\r\n`,
  )
}

/** Asks that packets of the named sections hold so many milliseconds of sound (`a=ptime`, RFC 8866, section 6.4). */
export function withPacketTime(sdp: string, packetMsOf: (mid: string) => number | undefined): string {
  const [head = '', ...sections] = sdp.split(/^(?=m=)/m)
  const changed = sections.map((section) => {
    const mid = /^a=mid:(\S+)/m.exec(section)?.[1]
    const packetMs = mid === undefined ? undefined : packetMsOf(mid)
    return packetMs === undefined
      ? section
      : `${section.replaceAll(/^a=ptime:.*\r\n/gm, '')}a=ptime:${packetMs}\r\n`
  })
  return head + changed.join('')
}

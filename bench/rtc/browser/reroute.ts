declare global {
  var weatherRelayPort: (address: string, port: number) => Promise<number>
}

/**
 * Runs in the page before it loads and refers to nothing outside: of the ways to the server that it learns of, only one
 * is left, which leads through the network in between.
 */
export function reroute(): void {
  const apply = RTCPeerConnection.prototype.setRemoteDescription as (
    this: RTCPeerConnection,
    description: RTCSessionDescriptionInit,
  ) => Promise<void>
  RTCPeerConnection.prototype.setRemoteDescription = async function (description: RTCSessionDescriptionInit) {
    const sdp = description.sdp ?? ''
    const [, address = '', port = '0'] = /a=candidate:\S+ 1 udp \d+ ([\d.]+) (\d+)/i.exec(sdp) ?? []
    const relay = address === '' ? 0 : await globalThis.weatherRelayPort(address, Number(port))
    const rerouted = sdp
      .replaceAll(/^(a=candidate:\S+ 1 udp \d+) [\d.]+ \d+/gim, `$1 127.0.0.1 ${relay}`)
      .replaceAll(/^a=candidate:(?!\S+ 1 udp \d+ 127\.0\.0\.1 ).*\r\n/gim, '')
    return apply.call(this, { type: description.type, sdp: rerouted })
  }
}

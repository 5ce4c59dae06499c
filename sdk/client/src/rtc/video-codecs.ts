/** What a video can be sent in. */
export type VideoCodec = 'vp8' | 'vp9' | 'av1' | 'h264'

/** Three spatial and temporal layers in one stream; between key frames the spatial ones do without each other. */
export const spatialLayers = 'L3T3_KEY'

/** The wanted codec where this browser sends it, else VP8; undefined where even that is not known. */
export function sendableCodec(wanted: VideoCodec | undefined): VideoCodec | undefined {
  const mimeTypes = new Set(videoCodecs().map(({ mimeType }) => mimeType.toLowerCase()))
  return [wanted, 'vp8' as const].find((codec) => codec !== undefined && mimeTypes.has(`video/${codec}`))
}

let scales: boolean | undefined

/** Whether this browser takes scalability modes: others pass over what they do not know. */
export function sendsSpatialLayers(): boolean {
  if (scales !== undefined) return scales
  const probe = new RTCPeerConnection()
  try {
    const sendEncodings: (RTCRtpEncodingParameters & { scalabilityMode?: string })[] = [
      { scalabilityMode: spatialLayers },
    ]
    const { sender } = probe.addTransceiver('video', { direction: 'sendonly', sendEncodings })
    const [taken]: typeof sendEncodings = sender.getParameters().encodings
    scales = taken?.scalabilityMode === spatialLayers
  } catch {
    scales = false
  } finally {
    probe.close()
  }
  return scales
}

/** Puts a codec first; the others stay for servers that do not take it. */
export function preferVideoCodec(transceiver: RTCRtpTransceiver, codec: VideoCodec): void {
  if (typeof transceiver.setCodecPreferences !== 'function') return
  const all = videoCodecs()
  const isWanted = ({ mimeType }: { mimeType: string }) => mimeType.toLowerCase() === `video/${codec}`
  try {
    transceiver.setCodecPreferences([...all.filter(isWanted), ...all.filter((one) => !isWanted(one))])
  } catch {
    // Browsers that list codecs they refuse as a preference keep their own order.
  }
}

function videoCodecs() {
  if (typeof RTCRtpSender === 'undefined') return []
  return RTCRtpSender.getCapabilities?.('video')?.codecs ?? []
}

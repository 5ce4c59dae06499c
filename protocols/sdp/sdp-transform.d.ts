/** What Parley reads through sdp-transform. It turns numeric text into numbers wherever that is lossless. */
declare module 'sdp-transform' {
  type Scalar = string | number

  export type RawCandidate = {
    foundation?: Scalar
    component?: Scalar
    transport?: Scalar
    priority?: Scalar
    ip?: Scalar
    port?: Scalar
    type?: Scalar
    raddr?: Scalar
    rport?: Scalar
    tcptype?: Scalar
  }

  type Shared = {
    iceUfrag?: Scalar
    icePwd?: Scalar
    iceOptions?: Scalar
    fingerprint?: { type?: Scalar; hash?: Scalar }
    setup?: Scalar
    direction?: Scalar
    extmapAllowMixed?: Scalar
    ext?: { value?: Scalar; direction?: Scalar; uri?: Scalar; config?: Scalar }[]
    invalid?: { value: string }[]
  }

  export type RawMedia = Shared & {
    type?: Scalar
    port?: Scalar
    protocol?: Scalar
    payloads?: Scalar
    connection?: { version: number; ip: string }
    rtp: { payload: number; codec: Scalar; rate?: number; encoding?: Scalar }[]
    fmtp: { payload: number; config: Scalar }[]
    rtcp?: { port: number; netType?: string; ipVer?: number; address?: string }
    rtcpFb?: { payload: Scalar; type: Scalar; subtype?: Scalar }[]
    mid?: Scalar
    msid?: { id?: Scalar; appdata?: Scalar }[]
    rtcpMux?: Scalar
    rtcpRsize?: Scalar
    bundleOnly?: Scalar
    bandwidth?: { type: Scalar; limit: Scalar }[]
    rids?: { id?: Scalar; direction?: Scalar; params?: Scalar }[]
    simulcast?: { dir1?: Scalar; list1?: Scalar; dir2?: Scalar; list2?: Scalar }
    ssrcs?: { id: number; attribute: Scalar; value?: Scalar }[]
    ssrcGroups?: { semantics: Scalar; ssrcs: Scalar }[]
    candidates?: RawCandidate[]
    endOfCandidates?: Scalar
    sctpPort?: Scalar
    maxMessageSize?: Scalar
  }

  export type RawSession = Shared & {
    version?: number
    origin?: {
      username: Scalar
      sessionId: Scalar
      sessionVersion: Scalar
      netType: string
      ipVer: number
      address: string
    }
    name?: Scalar
    timing?: { start: number; stop: number }
    groups?: { type?: Scalar; mids?: Scalar }[]
    msidSemantic?: { semantic: string; token: string }
    icelite?: Scalar
    media: RawMedia[]
  }

  const sdpTransform: {
    parse(sdp: string): RawSession
  }
  export default sdpTransform
}

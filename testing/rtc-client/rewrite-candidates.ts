import { type Candidate, parseSdp, serializeSdp } from '@parley/protocols/sdp'

/** The description with other candidates: how a weak network gets between two peers. */
export function rewriteCandidates(
  sdp: string,
  rewrite: (candidate: Candidate) => Candidate | undefined,
): string {
  const description = parseSdp(sdp)
  const candidates = description.transport.candidates.flatMap((candidate) => rewrite(candidate) ?? [])
  const rewritten = serializeSdp({ ...description, transport: { ...description.transport, candidates } })
  // What a peer did not offer must not appear on the way.
  return sdp.includes('a=rtcp-rsize') ? rewritten : rewritten.replaceAll('a=rtcp-rsize\r\n', '')
}

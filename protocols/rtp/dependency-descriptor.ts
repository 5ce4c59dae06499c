import { ProtocolViolation } from '../violation.ts'
import { BitReader } from './bits.ts'

/** How a frame serves a decode target (AV1 RTP specification, appendix A.4). */
export type DecodeTargetIndication = 'not-present' | 'discardable' | 'switch' | 'required'

const INDICATIONS: readonly DecodeTargetIndication[] = ['not-present', 'discardable', 'switch', 'required']

export type FrameDependency = {
  readonly spatialId: number
  readonly temporalId: number
  /** One for each decode target. */
  readonly indications: readonly DecodeTargetIndication[]
  /** Distances, in frame numbers, to the frames this one refers to. */
  readonly frameDistances: readonly number[]
  /** For each chain the distance to its previous frame; 0 starts the chain anew. */
  readonly chainDistances: readonly number[]
}

export type DependencyStructure = {
  readonly templateIdOffset: number
  readonly decodeTargetCount: number
  readonly templates: readonly FrameDependency[]
  readonly chainCount: number
  /** For each decode target the chain that protects it; empty without chains. */
  readonly protectedBy: readonly number[]
  /** Pixels for each spatial layer; empty when not told. */
  readonly resolutions: readonly { readonly width: number; readonly height: number }[]
}

export type DependencyDescriptor = {
  readonly startOfFrame: boolean
  readonly endOfFrame: boolean
  readonly frameNumber: number
  /** Present on the first packet of a coded video sequence: keep it to read the packets that follow. */
  readonly structure?: DependencyStructure
  /** Bit i: decode target i is produced. Absent: unchanged. */
  readonly activeDecodeTargets?: number
  readonly frame: FrameDependency
}

/**
 * Reads a dependency descriptor (AV1 RTP specification, appendix A). `known` is the structure last seen on this
 * stream; without it only packets that bring one can be read, and others are a ProtocolViolation.
 */
export function parseDependencyDescriptor(
  bytes: Uint8Array,
  known?: DependencyStructure,
): DependencyDescriptor {
  const reader = new BitReader(bytes)
  const startOfFrame = reader.flag()
  const endOfFrame = reader.flag()
  const templateId = reader.bits(6)
  const frameNumber = reader.bits(16)
  const extended = bytes.length > 3
  const hasStructure = extended && reader.flag()
  const hasActiveTargets = extended && reader.flag()
  const hasIndications = extended && reader.flag()
  const hasFrameDistances = extended && reader.flag()
  const hasChainDistances = extended && reader.flag()
  const brought = hasStructure ? parseStructure(reader) : undefined
  const structure = brought ?? known
  if (!structure) throw new ProtocolViolation('rtp', 'dependency descriptor before its structure')
  let activeDecodeTargets = brought ? 2 ** brought.decodeTargetCount - 1 : undefined
  if (hasActiveTargets) activeDecodeTargets = reader.bits(structure.decodeTargetCount)
  const template = structure.templates[(templateId + 64 - structure.templateIdOffset) % 64]
  if (!template)
    throw new ProtocolViolation('rtp', `dependency template ${templateId} is not in the structure`)
  const frame: FrameDependency = {
    ...template,
    indications: hasIndications
      ? parseIndications(reader, structure.decodeTargetCount)
      : template.indications,
    frameDistances: hasFrameDistances ? parseCustomFrameDistances(reader) : template.frameDistances,
    chainDistances: hasChainDistances
      ? Array.from({ length: structure.chainCount }, () => reader.bits(8))
      : template.chainDistances,
  }
  return {
    startOfFrame,
    endOfFrame,
    frameNumber,
    ...(brought && { structure: brought }),
    ...(activeDecodeTargets !== undefined && { activeDecodeTargets }),
    frame,
  }
}

function parseStructure(reader: BitReader): DependencyStructure {
  const templateIdOffset = reader.bits(6)
  const decodeTargetCount = reader.bits(5) + 1
  const layers = parseLayers(reader)
  const indications = layers.map(() => parseIndications(reader, decodeTargetCount))
  const frameDistances = layers.map(() => parseTemplateFrameDistances(reader))
  const chainCount = reader.nonSymmetric(decodeTargetCount + 1)
  const protectedBy: number[] = []
  let chainDistances: number[][] = []
  if (chainCount > 0) {
    for (let target = 0; target < decodeTargetCount; target++)
      protectedBy.push(reader.nonSymmetric(chainCount))
    chainDistances = layers.map(() => Array.from({ length: chainCount }, () => reader.bits(4)))
  }
  const spatialLayers = (layers.at(-1)?.spatialId ?? 0) + 1
  const resolutions = reader.flag()
    ? Array.from({ length: spatialLayers }, () => ({
        width: reader.bits(16) + 1,
        height: reader.bits(16) + 1,
      }))
    : []
  const templates = layers.map((layer, index) => ({
    ...layer,
    indications: indications[index] ?? [],
    frameDistances: frameDistances[index] ?? [],
    chainDistances: chainDistances[index] ?? [],
  }))
  return { templateIdOffset, decodeTargetCount, templates, chainCount, protectedBy, resolutions }
}

function parseLayers(reader: BitReader): { spatialId: number; temporalId: number }[] {
  const layers: { spatialId: number; temporalId: number }[] = []
  let spatialId = 0
  let temporalId = 0
  for (;;) {
    layers.push({ spatialId, temporalId })
    if (layers.length > 64) throw new ProtocolViolation('rtp', 'more than 64 dependency templates')
    const next = reader.bits(2)
    if (next === 3) return layers
    if (next === 1) temporalId++
    if (next === 2) {
      temporalId = 0
      spatialId++
    }
  }
}

function parseIndications(reader: BitReader, count: number): DecodeTargetIndication[] {
  return Array.from({ length: count }, () => INDICATIONS[reader.bits(2)] ?? 'not-present')
}

function parseTemplateFrameDistances(reader: BitReader): number[] {
  const distances: number[] = []
  while (reader.flag()) distances.push(reader.bits(4) + 1)
  return distances
}

function parseCustomFrameDistances(reader: BitReader): number[] {
  const distances: number[] = []
  for (let size = reader.bits(2); size > 0; size = reader.bits(2)) distances.push(reader.bits(4 * size) + 1)
  return distances
}

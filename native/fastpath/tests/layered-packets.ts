/** Makes and reads payloads and descriptors of video in layers. */

export type Vp9Fields = {
  picture: number
  /** 7 or 15 bits. */
  pictureBits?: 7 | 15
  spatial?: number
  temporal?: number
  /** Predicted from earlier pictures. */
  inter?: boolean
  /** Predicted from the spatial layer below. */
  interLayer?: boolean
  begin?: boolean
  end?: boolean
  switchingUp?: boolean
  tl0?: number
  /** Sizes of the spatial layers, in key pictures. */
  sizes?: readonly (readonly [width: number, height: number])[]
  size?: number
}

/** VP9 payload in non-flexible mode (RFC 9628). */
export function vp9(fields: Vp9Fields): Uint8Array {
  const { picture, pictureBits = 15, spatial = 0, temporal = 0, tl0 = 0, size = 40, sizes } = fields
  const { inter = true, interLayer = spatial > 0, begin = true, end = true, switchingUp = false } = fields
  const flag = (on: boolean, bit: number) => (on ? bit : 0)
  const head = [
    0xa0 | flag(inter, 0x40) | flag(begin, 0x08) | flag(end, 0x04) | flag(sizes !== undefined, 0x02),
    ...(pictureBits === 15 ? [0x80 | ((picture >> 8) & 0x7f), picture & 0xff] : [picture & 0x7f]),
    (temporal << 5) | flag(switchingUp, 0x10) | (spatial << 1) | flag(interLayer, 1),
    tl0 & 0xff,
  ]
  if (sizes !== undefined) {
    head.push(((sizes.length - 1) << 5) | 0x10)
    for (const [width, height] of sizes) head.push(width >> 8, width & 0xff, height >> 8, height & 0xff)
  }
  return Uint8Array.from([...head, ...Buffer.alloc(size, 0x33)])
}

export function readVp9(payload: Uint8Array): {
  picture: number
  spatial: number
  temporal: number
  tl0: number
  key: boolean
} {
  const long = ((payload[1] ?? 0) & 0x80) !== 0
  const at = long ? 3 : 2
  const layers = payload[at] ?? 0
  return {
    picture: long ? (((payload[1] ?? 0) & 0x7f) << 8) | (payload[2] ?? 0) : (payload[1] ?? 0) & 0x7f,
    spatial: (layers >> 1) & 7,
    temporal: layers >> 5,
    tl0: payload[at + 1] ?? 0,
    key: ((payload[0] ?? 0) & 0x40) === 0,
  }
}

/**
 * One template: layers, an indication for each decode target ('-', 'D', 'S' or 'R'), distances of references, and to the
 * frame before it in each chain.
 */
export type Template = readonly [
  spatial: number,
  temporal: number,
  indications: string,
  distances: readonly number[],
  chains?: readonly number[],
]

/** Two spatial and two temporal layers; targets in the order (0,0), (0,1), (1,0), (1,1). K-SVC. */
export const l2t2Key: readonly Template[] = [
  [0, 0, 'SSSS', []],
  [0, 0, 'SS--', [4]],
  [0, 1, '-D--', [2]],
  [1, 0, '--SS', [1]],
  [1, 0, '--SS', [4]],
  [1, 1, '---D', [2]],
]
/** As above, each spatial layer protected by a chain of its frames of the lower temporal layer. */
export const l2t2KeyChained: readonly Template[] = [
  [0, 0, 'SSSS', [], [0, 0]],
  [0, 0, 'SS--', [4], [4, 3]],
  [0, 1, '-D--', [2], [2, 1]],
  [1, 0, '--SS', [1], [1, 1]],
  [1, 0, '--SS', [4], [1, 4]],
  [1, 1, '---D', [2], [3, 2]],
]
/** As `l2t2Key` with prediction from the layer below in each picture. */
export const l2t2: readonly Template[] = [
  [0, 0, 'SSSS', []],
  [0, 0, 'SSRR', [4]],
  [0, 1, '-D-R', [2]],
  [1, 0, '--SS', [1]],
  [1, 0, '--SS', [4, 1]],
  [1, 1, '---D', [2, 1]],
]
/** One spatial and two temporal layers. */
export const l1t2: readonly Template[] = [
  [0, 0, 'SS', []],
  [0, 0, 'SS', [2]],
  [0, 1, '-D', [1]],
]

export type DescriptorFields = {
  start?: boolean
  end?: boolean
  template: number
  number: number
  structure?: {
    templates: readonly Template[]
    sizes?: readonly (readonly [number, number])[]
    /** The chain that protects each decode target. */
    protectedBy?: readonly number[]
  }
  /** Instead of those of the template: distances to the frame before this one in each chain. */
  chains?: readonly number[]
  /** Active decode targets, a bit each; how many there are. */
  active?: readonly [mask: number, count: number]
}

const templateOffset = 61

/** A dependency descriptor (AV1 RTP payload specification, appendix A). */
export function writeDescriptor(fields: DescriptorFields): Uint8Array {
  const { start = true, end = true, template, number, structure, active, chains } = fields
  const bits: number[] = []
  const put = (value: number, count: number) => {
    for (let bit = count - 1; bit >= 0; bit--) bits.push((value >> bit) & 1)
  }
  put(start ? 1 : 0, 1)
  put(end ? 1 : 0, 1)
  put((templateOffset + template) % 64, 6)
  put(number & 0xffff, 16)
  if (structure !== undefined || active !== undefined || chains !== undefined) {
    put(structure ? 1 : 0, 1)
    put(active ? 1 : 0, 1)
    put(0, 2)
    put(chains ? 1 : 0, 1)
  }
  if (structure !== undefined) {
    const { templates, sizes, protectedBy = [] } = structure
    const targets = templates[0]?.[2].length ?? 0
    put(templateOffset, 6)
    put(targets - 1, 5)
    templates.forEach(([spatial, temporal], index) => {
      const next = templates[index + 1]
      put(next === undefined ? 3 : next[0] > spatial ? 2 : next[1] > temporal ? 1 : 0, 2)
    })
    for (const [, , indications] of templates) for (const one of indications) put('-DSR'.indexOf(one), 2)
    for (const [, , , distances] of templates) {
      for (const distance of distances) {
        put(1, 1)
        put(distance - 1, 4)
      }
      put(0, 1)
    }
    const count = templates[0]?.[4]?.length ?? 0
    put(...nonSymmetric(count, targets + 1))
    if (count > 0) {
      for (const chain of protectedBy) put(...nonSymmetric(chain, count))
      for (const [, , , , own = []] of templates) for (const distance of own) put(distance, 4)
    }
    put(sizes ? 1 : 0, 1)
    for (const [width, height] of sizes ?? []) {
      put(width - 1, 16)
      put(height - 1, 16)
    }
  }
  if (active !== undefined) put(...active)
  for (const distance of chains ?? []) put(distance, 8)
  while (bits.length % 8) bits.push(0)
  return Uint8Array.from({ length: bits.length / 8 }, (_, at) =>
    bits.slice(at * 8, at * 8 + 8).reduce((byte, bit) => (byte << 1) | bit, 0),
  )
}

/** ns(n) of the specification: a value below `n`, and how many bits it takes. */
function nonSymmetric(value: number, n: number): [value: number, bits: number] {
  const width = Math.floor(Math.log2(n)) + 1
  const shorter = 2 ** width - n
  return value < shorter ? [value, width - 1] : [value + shorter, width]
}

/** What stands before the structure. `template` is without the offset. */
export function readDescriptor(bytes: Uint8Array) {
  const [first = 0, high = 0, low = 0, flags = 0] = bytes
  return {
    start: (first & 0x80) !== 0,
    end: (first & 0x40) !== 0,
    template: ((first & 0x3f) + 64 - templateOffset) % 64,
    number: (high << 8) | low,
    structured: bytes.length > 3 && (flags & 0x80) !== 0,
    /** The mask where no structure stands before it. */
    active:
      bytes.length > 3 && (flags & 0xc0) === 0x40 ? (((flags << 8) | (bytes[4] ?? 0)) >> 7) & 0xf : undefined,
  }
}

import { type ExtensionIds, type ExtensionName, extensionUris } from '@parley/fastpath'
import type { HeaderExtensionMapping, MediaDescription } from '@parley/protocols/sdp'
import { remembered } from './remembered.ts'

const audio: readonly ExtensionName[] = ['mid', 'absSendTime', 'transportSequence', 'audioLevel']
const video: readonly ExtensionName[] = [
  'mid',
  'rid',
  'repairedRid',
  'absSendTime',
  'transportSequence',
  'videoOrientation',
  'playoutDelay',
  'dependencyDescriptor',
]

/** Of the offered extensions those that Parley reads or passes on. */
export function acceptedExtensions(section: MediaDescription): HeaderExtensionMapping[] {
  const names = section.kind === 'audio' ? audio : video
  const uris = new Set<string>(names.map((name) => extensionUris[name]))
  return section.headerExtensions.filter(({ uri }) => uris.has(uri)).map(({ id, uri }) => ({ id, uri }))
}

const knownIds = new WeakMap<readonly HeaderExtensionMapping[], ExtensionIds>()

/** The numbers by the names of the packet path. */
export function extensionIds(mappings: readonly HeaderExtensionMapping[]): Readonly<ExtensionIds> {
  const known = knownIds.get(mappings)
  if (known !== undefined) return known
  const ids: ExtensionIds = {}
  for (const [name, uri] of Object.entries(extensionUris) as [ExtensionName, string][]) {
    const mapping = mappings.find((candidate) => candidate.uri === uri)
    if (mapping !== undefined) ids[name] = mapping.id
  }
  knownIds.set(mappings, ids)
  return ids
}

const offeredIds: ExtensionIds = {
  audioLevel: 1,
  transportSequence: 3,
  mid: 4,
  playoutDelay: 6,
  videoOrientation: 7,
  dependencyDescriptor: 8,
}

/**
 * What Parley offers to subscribers. Feedback on each packet comes for video alone: sound is sent whatever the path is
 * like, and thousands who only listen need no more than their receiver reports.
 */
export function offeredExtensions(
  kind: 'audio' | 'video',
  options: { measured: boolean },
): HeaderExtensionMapping[] {
  const names = kind === 'audio' ? audio : video
  return names.flatMap((name) => {
    if (name === 'transportSequence' && !(kind === 'video' && options.measured)) return []
    const id = offeredIds[name]
    return id === undefined ? [] : [{ id, uri: extensionUris[name] }]
  })
}

const urisOf = (names: readonly ExtensionName[]): ReadonlySet<string> =>
  new Set(names.map((name) => extensionUris[name]))
const offeredNames = Object.keys(offeredIds) as ExtensionName[]
const all = urisOf(offeredNames)
const unmeasured = urisOf(offeredNames.filter((name) => name !== 'transportSequence'))

const playable = remembered(
  (section: MediaDescription, uris: ReadonlySet<string>): readonly HeaderExtensionMapping[] =>
    acceptedExtensions(section).filter(({ uri }) => uris.has(uri)),
)

/** Of a player's offer the extensions that Parley writes when it sends. */
export function playableExtensions(
  section: MediaDescription,
  options: { measured: boolean },
): readonly HeaderExtensionMapping[] {
  return playable(section, options.measured && section.kind === 'video' ? all : unmeasured)
}

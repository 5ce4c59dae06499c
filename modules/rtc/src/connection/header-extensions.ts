import { type ExtensionIds, type ExtensionName, extensionUris } from '@parley/fastpath'
import type { HeaderExtensionMapping, MediaDescription } from '@parley/protocols/sdp'

const audio: readonly ExtensionName[] = ['mid', 'absSendTime', 'transportSequence', 'audioLevel']
const video: readonly ExtensionName[] = [
  'mid',
  'rid',
  'repairedRid',
  'absSendTime',
  'transportSequence',
  'videoOrientation',
  'playoutDelay',
]

/** Of the offered extensions those that Parley reads or passes on. */
export function acceptedExtensions(section: MediaDescription): HeaderExtensionMapping[] {
  const names = section.kind === 'audio' ? audio : video
  const uris = new Set<string>(names.map((name) => extensionUris[name]))
  return section.headerExtensions.filter(({ uri }) => uris.has(uri)).map(({ id, uri }) => ({ id, uri }))
}

/** The numbers by the names of the packet path. */
export function extensionIds(mappings: readonly HeaderExtensionMapping[]): ExtensionIds {
  const ids: ExtensionIds = {}
  for (const [name, uri] of Object.entries(extensionUris) as [ExtensionName, string][]) {
    const mapping = mappings.find((candidate) => candidate.uri === uri)
    if (mapping !== undefined) ids[name] = mapping.id
  }
  return ids
}

const offeredIds: ExtensionIds = { audioLevel: 1, mid: 4, playoutDelay: 6, videoOrientation: 7 }

/** What Parley offers to subscribers. No feedback on each packet: their path is judged by receiver reports. */
export function offeredExtensions(kind: 'audio' | 'video'): HeaderExtensionMapping[] {
  const names = kind === 'audio' ? audio : video
  return names.flatMap((name) => {
    const id = offeredIds[name]
    return id === undefined ? [] : [{ id, uri: extensionUris[name] }]
  })
}

/** Of a player's offer the extensions that Parley writes when it sends. */
export function playableExtensions(section: MediaDescription): HeaderExtensionMapping[] {
  const written = new Set<string>(Object.keys(offeredIds).map((name) => extensionUris[name as ExtensionName]))
  return acceptedExtensions(section).filter(({ uri }) => written.has(uri))
}

/** The places of the messenger, in the order of its navigation. */
export const areas = ['chats', 'communities', 'rooms', 'contacts', 'moments'] as const
export type Area = (typeof areas)[number]

/** The one that was open before, as far as it is offered. */
export function areaOf(kept: string, offered: readonly Area[]): Area {
  return offered.find((area) => area === kept) ?? offered[0] ?? 'chats'
}

import { updateProfile } from './account.ts'
import type { Conversation } from './chat/conversation.ts'
import { groupOf } from './chat/group.ts'
import type { Parley } from './parley.ts'
import { ParleyError } from './parley-error.ts'

/**
 * Stores a picture and answers an address that lasts, for `updateProfile` and `groupOf(c).update`: everybody who has it
 * sees the picture, its longest side cut to 480 pixels. PNG, JPEG, GIF or WebP, at most 10 MiB. Rejects with
 * `unsupported-media-type`, `body-too-large`, and what `files.upload` rejects with.
 */
export async function uploadPicture(
  parley: Parley,
  blob: Blob,
  { name = 'picture', signal }: { name?: string; signal?: AbortSignal } = {},
): Promise<string> {
  const file = { blob, name, contentType: blob.type, picture: true }
  const objectId = await parley.files.upload(file, undefined, signal ? { signal } : {})
  const { pictureUrl } = await parley.files.describe(objectId)
  if (pictureUrl !== undefined) return pictureUrl
  await forgetPicture(parley, objectId)
  throw new ParleyError('unsupported-media-type', 'The file is no picture that can be shown')
}

/** Uploads a picture and shows it in the own profile; the one before, when it was uploaded so, is deleted. */
export async function setOwnPicture(parley: Parley, blob: Blob): Promise<string> {
  const { avatarUrl: before } = await parley.users.get(parley.userId)
  const avatarUrl = await uploadPicture(parley, blob)
  await updateProfile(parley, { avatarUrl })
  await forgetPicture(parley, objectIdOf(before))
  return avatarUrl
}

/** Uploads a picture and gives it to a group; the one before is deleted when the user had uploaded it. */
export async function setGroupPicture(
  parley: Parley,
  conversation: Conversation,
  blob: Blob,
): Promise<string> {
  const before = conversation.view?.avatarUrl
  const avatarUrl = await uploadPicture(parley, blob)
  await groupOf(conversation).update({ avatarUrl })
  await forgetPicture(parley, objectIdOf(before))
  return avatarUrl
}

/** A picture that stays behind takes room, and nothing else. */
async function forgetPicture(parley: Parley, objectId: string | undefined): Promise<void> {
  if (objectId !== undefined) await parley.files.delete(objectId).catch(() => undefined)
}

const objectIdOf = (url: string | undefined): string | undefined =>
  /\/pictures\/[^/]+\/(obj_[0-9a-z]{26})\/[0-9a-f]{32}$/.exec(url ?? '')?.[1]

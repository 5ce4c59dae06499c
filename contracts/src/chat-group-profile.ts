import { z } from 'zod'
import {
  attributeKey,
  attributeValue,
  groupSettings,
  groupSettingsChange,
  maxAnnouncementLength,
} from './chat-conversation-entries.ts'
import { announcement } from './chat-conversations.ts'
import { common, known, path } from './chat-group-call.ts'
import { byConversation } from './chat-parameters.ts'
import { text } from './ids.ts'
import { operation } from './operation.ts'
import { pageOf, pageQuery, timestamp } from './pagination.ts'

export const maxAttributes = 100

export const attribute = z
  .object({
    key: z.string(),
    value: z.string(),
    version: z.int().meta({ description: 'Moves with every change of this key' }),
    updatedBy: z.string().optional(),
    updatedAt: timestamp,
  })
  .meta({ id: 'ConversationAttribute' })
export type ConversationAttribute = z.infer<typeof attribute>

/** What a group says of itself, and by which rules it is run. */
export const groupProfileOperations = {
  'conversation.update-settings': operation({
    ...common,
    name: 'updateGroupSettings',
    method: 'PATCH',
    right: 'send',
    path: `${path}/settings`,
    summary: 'Change how a group is run (owner)',
    params: byConversation.shape,
    input: groupSettingsChange.shape,
    answer: groupSettings,
    errors: known,
  }),
  'conversation.list-attributes': operation({
    ...common,
    name: 'listAttributes',
    method: 'GET',
    right: 'read',
    path: `${path}/attributes`,
    summary: 'All attributes of a group, by key',
    params: byConversation.shape,
    input: {},
    answer: z.object({ items: z.array(attribute) }),
    errors: known,
  }),
  'conversation.update-attributes': operation({
    ...common,
    name: 'updateAttributes',
    method: 'PATCH',
    right: 'send',
    path: `${path}/attributes`,
    summary: 'Set and remove attributes together; `versions` names what the caller has seen, 0 for none',
    params: byConversation.shape,
    input: {
      set: z.record(attributeKey, attributeValue).optional(),
      remove: z.array(attributeKey).max(maxAttributes).optional(),
      versions: z.record(attributeKey, z.int().min(0)).optional(),
    },
    answer: z.object({ items: z.array(attribute) }),
    errors: [...known, 'version-mismatch', 'limit-exceeded'],
  }),
  'conversation.announce': operation({
    ...common,
    name: 'announce',
    method: 'PUT',
    right: 'send',
    path: `${path}/announcement`,
    summary: 'Set the announcement; an empty text takes it down',
    params: byConversation.shape,
    input: { text: text(maxAnnouncementLength) },
    answer: announcement,
    errors: known,
  }),
  'conversation.list-announcements': operation({
    ...common,
    name: 'listAnnouncements',
    method: 'GET',
    right: 'read',
    path: `${path}/announcements`,
    summary: 'The announcements so far, newest first: what, who, when',
    params: byConversation.shape,
    input: pageQuery.shape,
    answer: pageOf(announcement),
    errors: [...known, 'invalid-cursor'],
  }),
} as const

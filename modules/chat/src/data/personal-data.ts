import type { ObjectService } from '@parley/core/objects'
import { type EraseCall, type PersonalData, personalTables } from '@parley/core/personal-data'
import type { MessageParts } from '../message/message-parts.ts'
import { type EraseParts, eraseCopies, eraseInConversations, eraseMarks } from './erase-conversations.ts'
import { exportConversation } from './export.ts'

const ofUser = 'project_id = :project and user_id = :user'
const renamed = ':user <> :pseudonym'

const tables = personalTables('chat.tables', [
  {
    place: 'chat.scheduled-messages',
    select: `select jsonb_build_object('conversationId', conversation_id, 'content', content, 'sendAt', send_at,
        'state', state, 'createdAt', created_at) as record
      from chat.scheduled_messages where project_id = :project and sender_id = :user order by id`,
    erase: `delete from chat.scheduled_messages where (project_id, id) in (
      select project_id, id from chat.scheduled_messages
      where project_id = :project and (sender_id = :user or to_user_id = :user) limit :limit)`,
  },
  {
    place: 'chat.tags',
    select: `select jsonb_build_object('tags', tags) as record from chat.user_tags where ${ofUser}`,
    erase: `delete from chat.user_tags where ${ofUser}`,
  },
  {
    place: 'chat.notices',
    select: `select jsonb_build_object('id', n.id, 'content', n.content, 'createdAt', n.created_at) as record
      from chat.notice_receivers r join chat.notices n on n.project_id = r.project_id and n.no = r.no
      where r.project_id = :project and r.user_id = :user order by n.no`,
    erase: `delete from chat.notice_receivers where ${ofUser}`,
  },
  { place: 'chat.notice-cursors', erase: `delete from chat.notice_cursors where ${ofUser}` },
  { place: 'chat.bots', erase: `delete from chat.bots where ${ofUser}` },
  { place: 'chat.bot-deliveries', erase: `delete from chat.bot_deliveries where ${ofUser}` },
  { place: 'chat.bans', erase: `delete from chat.bans where ${ofUser}` },
  {
    place: 'chat.ban-authors',
    erase: `update chat.bans set banned_by = null, reason = null where project_id = :project and banned_by = :user`,
  },
  {
    place: 'chat.join-requests',
    select: `select jsonb_build_object('conversationId', conversation_id, 'message', message, 'status', status,
        'createdAt', created_at) as record from chat.join_requests where ${ofUser} order by id`,
    erase: `delete from chat.join_requests where ${ofUser}`,
  },
  {
    place: 'chat.join-decisions',
    erase: `update chat.join_requests set decided_by = null, reason = null
      where project_id = :project and decided_by = :user`,
  },
  {
    place: 'chat.invitations',
    select: `select jsonb_build_object('conversationId', conversation_id, 'message', message, 'status', status,
        'createdAt', created_at) as record from chat.invitations where ${ofUser} order by id`,
    erase: `delete from chat.invitations where project_id = :project and (user_id = :user or inviter_id = :user)`,
  },
  {
    place: 'chat.invitation-links',
    erase: `update chat.invitation_links set created_by = :pseudonym
      where project_id = :project and created_by = :user and ${renamed}`,
  },
  {
    place: 'chat.attributes',
    erase: `update chat.attributes set updated_by = :pseudonym
      where project_id = :project and updated_by = :user and ${renamed}`,
  },
  {
    place: 'chat.announcements',
    erase: `update chat.announcements set text = '', user_id = :pseudonym
      where project_id = :project and user_id = :user and (text <> '' or ${renamed})`,
  },
  {
    place: 'chat.chat-room-messages',
    select: `select jsonb_build_object('chatRoomId', chatroom_id, 'seq', seq, 'content', content, 'createdAt', created_at)
        as record
      from chat.chatroom_entries where project_id = :project and sender_id = :user order by chatroom_id, seq`,
    erase: `update chat.chatroom_entries set content = '{"type":"expired"}', sender_id = :pseudonym,
        client_message_id = null
      where (project_id, chatroom_id, seq) in (select project_id, chatroom_id, seq from chat.chatroom_entries
        where project_id = :project and sender_id = :user
          and (${renamed} or content <> '{"type":"expired"}' or client_message_id is not null) limit :limit)`,
  },
  {
    place: 'chat.chat-rooms',
    erase: `update chat.chatrooms set owner_id = nullif(owner_id, :user), admin_ids = array_remove(admin_ids, :user)
      where project_id = :project and (owner_id = :user or :user = any(admin_ids))`,
  },
  {
    place: 'chat.chat-room-attributes',
    erase: `delete from chat.chatroom_attributes where ${ofUser}`,
  },
  {
    place: 'chat.chat-room-restrictions',
    erase: `delete from chat.chatroom_restrictions where ${ofUser}`,
  },
  {
    place: 'chat.chat-room-gifts',
    erase: `delete from chat.chatroom_gifts where ctid = any(array(select ctid from chat.chatroom_gifts
      where project_id = :project and sender_id = :user limit :limit))`,
  },
  { place: 'chat.chat-room-sessions', erase: `delete from chat.chatroom_sessions where ${ofUser}` },
  {
    place: 'chat.hidden-entries',
    erase: `delete from chat.hidden_entries where (project_id, conversation_id, user_id, seq) in (
      select project_id, conversation_id, user_id, seq from chat.hidden_entries where ${ofUser} limit :limit)`,
  },
  {
    place: 'chat.user-changes',
    erase: `delete from chat.user_changes where (project_id, user_id, conversation_id) in (
      select project_id, user_id, conversation_id from chat.user_changes where ${ofUser} limit :limit)`,
  },
  {
    place: 'chat.send-keys',
    erase: `delete from chat.send_keys where (project_id, sender_id, client_message_id) in (
      select project_id, sender_id, client_message_id from chat.send_keys
      where project_id = :project and sender_id = :user limit :limit)`,
  },
  {
    place: 'chat.search-documents',
    erase: `delete from chat.search_documents where ctid = any(array(select ctid from chat.search_documents
      where project_id = :project and sender_id = :user limit :limit))`,
  },
  {
    place: 'chat.packets',
    erase: `update chat.packets set sender_id = :pseudonym
      where project_id = :project and sender_id = :user and ${renamed}`,
  },
  {
    place: 'chat.packet-shares',
    erase: `update chat.packet_shares set user_id = :pseudonym
      where ${ofUser} and ${renamed}`,
  },
  {
    place: 'chat.stream-pieces',
    erase: `delete from chat.stream_pieces p using chat.streams s where s.project_id = :project and s.writer_id = :user
      and p.project_id = s.project_id and p.message_id = s.message_id`,
  },
  {
    place: 'chat.streams',
    erase: `delete from chat.streams where project_id = :project and writer_id = :user`,
  },
])

/** What chat keeps of users. */
export function chatPersonalData(
  parts: Pick<MessageParts, 'database' | 'outbox' | 'onAppended'>,
  objects: ObjectService,
): PersonalData[] {
  const erasing: EraseParts = {
    ...parts,
    eraseFiles: (tx, projectId, objectIds) => objects.erase(tx, projectId, objectIds),
  }
  const conversations: PersonalData = {
    name: 'chat.conversations',
    exportUser: async (call, userId, after) => {
      const { rows } = await call.project.query<{ conversation_id: string }>({
        text: `select conversation_id from chat.members
          where project_id = $1 and user_id = $2 and conversation_id > $3 order by conversation_id limit 1`,
        values: [call.project.projectId, userId, after ?? ''],
      })
      const conversationId = rows[0]?.conversation_id
      if (conversationId !== undefined) await exportConversation(call, objects, conversationId, userId)
      return conversationId
    },
    exportConversation: async (call, conversationId) => {
      await exportConversation(call, objects, conversationId)
      return undefined
    },
    erase: (tx, call: EraseCall) => eraseInConversations(tx, erasing, call),
  }
  const copies: PersonalData = { name: 'chat.copies', erase: (tx, call) => eraseCopies(tx, erasing, call) }
  const marks: PersonalData = { name: 'chat.marks', erase: (tx, call) => eraseMarks(tx, call) }
  // Marks first: they are counted out of messages before names are replaced in them.
  return [marks, conversations, copies, tables]
}

import { personalTables } from '@parley/core/personal-data'

const ofUser = 'project_id = :project and user_id = :user'

/** What push keeps of a user. */
export const pushPersonalData = personalTables('push', [
  {
    place: 'push.devices',
    select: `select jsonb_build_object('deviceId', device_id, 'provider', provider, 'language', language,
        'timeZone', time_zone, 'registeredAt', registered_at) as record
      from push.devices where ${ofUser} order by device_id`,
    erase: `delete from push.devices where ${ofUser}`,
  },
  {
    place: 'push.preferences',
    select: `select jsonb_build_object('level', level, 'quietHours', quiet_hours, 'showContent', show_content) as record
      from push.preferences where ${ofUser}`,
    erase: `delete from push.preferences where ${ofUser}`,
  },
  {
    place: 'push.conversation-levels',
    select: `select jsonb_build_object('conversationId', conversation_id, 'level', level) as record
      from push.conversation_levels where ${ofUser} order by conversation_id`,
    erase: `delete from push.conversation_levels where ${ofUser}`,
  },
  {
    place: 'push.deliveries',
    erase: `delete from push.deliveries where (project_id, id) in (
      select project_id, id from push.deliveries where ${ofUser} limit :limit)`,
  },
  {
    // What waits for others and shows what the user wrote.
    place: 'push.notifications',
    erase: `update push.deliveries set notification = null, state = 'suppressed', reason = 'erased', settled_at = now()
      where (project_id, id) in (select project_id, id from push.deliveries
        where project_id = :project and state = 'waiting' and position(:quoted in notification::text) > 0 limit :limit)`,
  },
  {
    place: 'push.runs',
    erase: `update push.runs set after_user = :pseudonym where project_id = :project and after_user = :user
      and :user <> :pseudonym`,
  },
])

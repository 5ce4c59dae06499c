import { personalTables } from '@parley/core/personal-data'

const ofUser = 'project_id = :project and user_id = :user'

/** What social keeps of a user. Counts of others follow, as far as they are kept. */
export const socialPersonalData = personalTables('social', [
  {
    place: 'social.profile',
    select: `select to_jsonb(p) - 'project_id' - 'search_name' - 'phone_hash' - 'email_hash' as record
      from social.profiles p where ${ofUser}`,
    erase: `delete from social.profiles where ${ofUser}`,
  },
  {
    place: 'social.friends',
    select: `select jsonb_build_object('userId', friend_id, 'remark', remark, 'labels', labels, 'createdAt', created_at)
        as record from social.friends where ${ofUser} and not removed order by friend_id`,
    erase: `with gone as (
        delete from social.friends where project_id = :project and (user_id = :user or friend_id = :user)
        returning user_id, removed)
      update social.people p set friends = greatest(0, friends - 1) from gone
      where p.project_id = :project and p.user_id = gone.user_id and not gone.removed`,
  },
  {
    place: 'social.friend-requests',
    select: `select jsonb_build_object('fromUserId', from_user_id, 'toUserId', to_user_id, 'message', message,
        'status', status, 'createdAt', created_at) as record
      from social.friend_requests where project_id = :project and (from_user_id = :user or to_user_id = :user)`,
    erase: `delete from social.friend_requests
      where project_id = :project and (from_user_id = :user or to_user_id = :user)`,
  },
  {
    place: 'social.blocks',
    select: `select jsonb_build_object('userId', blocked_id, 'createdAt', created_at) as record
      from social.blocks where ${ofUser} order by blocked_id`,
    erase:
      'delete from social.blocks where project_id = :project and (user_id = :user or blocked_id = :user)',
  },
  {
    place: 'social.follows',
    select: `select jsonb_build_object('userId', followed_id, 'createdAt', created_at) as record
      from social.follows where ${ofUser} order by followed_id`,
    erase: `with gone as (
        delete from social.follows where project_id = :project and (user_id = :user or followed_id = :user)
        returning user_id, followed_id)
      update social.people p set followers = greatest(0, followers - (p.user_id = gone.followed_id)::int),
        following = greatest(0, following - (p.user_id = gone.user_id)::int)
      from gone where p.project_id = :project and p.user_id <> :user and p.user_id in (gone.user_id, gone.followed_id)`,
  },
  {
    place: 'social.moments',
    select: `select to_jsonb(m) - 'project_id' as record from social.moments m
      where project_id = :project and author_id = :user order by id`,
    erase: `delete from social.moments where (project_id, id) in (
      select project_id, id from social.moments where project_id = :project and author_id = :user limit :limit)`,
  },
  {
    place: 'social.comments',
    select: `select to_jsonb(c) - 'project_id' as record from social.comments c
      where project_id = :project and author_id = :user order by id`,
    erase: `with gone as (
        delete from social.comments where project_id = :project and author_id = :user returning moment_id)
      update social.moments m set comments = greatest(0, comments - gone.n)
      from (select moment_id, count(*)::int as n from gone group by 1) gone
      where m.project_id = :project and m.id = gone.moment_id`,
  },
  {
    place: 'social.likes',
    select: `select jsonb_build_object('momentId', moment_id, 'createdAt', created_at) as record
      from social.likes where ${ofUser} order by moment_id`,
    erase: `with gone as (delete from social.likes where ${ofUser} returning moment_id)
      update social.moments m set likes = greatest(0, likes - 1) from gone
      where m.project_id = :project and m.id = gone.moment_id`,
  },
  {
    place: 'social.replies',
    erase: `update social.comments set reply_to_user_id = nullif(reply_to_user_id, :user),
        mentions = array_remove(mentions, :user)
      where project_id = :project and (reply_to_user_id = :user or :user = any(mentions))`,
  },
  {
    place: 'social.mentions',
    erase: `update social.moments set mentions = array_remove(mentions, :user), excluded = array_remove(excluded, :user)
      where project_id = :project and (:user = any(mentions) or :user = any(excluded))`,
  },
  {
    place: 'social.interactions',
    erase:
      'delete from social.interactions where project_id = :project and (user_id = :user or actor_id = :user)',
  },
  { place: 'social.people', erase: `delete from social.people where ${ofUser}` },
])

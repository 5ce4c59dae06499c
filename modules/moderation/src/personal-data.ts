import { personalTables } from '@parley/core/personal-data'

/** What moderation keeps of a user. That there was a case, and how it was decided, stays. */
export const moderationPersonalData = personalTables('moderation', [
  {
    place: 'moderation.restrictions',
    select: `select jsonb_build_object('kind', kind, 'conversationId', conversation_id, 'reason', reason,
        'createdAt', created_at, 'endedAt', ended_at) as record
      from moderation.restrictions where project_id = :project and user_id = :user order by id`,
    erase: `delete from moderation.restrictions where (project_id, id) in (
      select project_id, id from moderation.restrictions where project_id = :project and user_id = :user limit :limit)`,
  },
  {
    place: 'moderation.notes',
    erase: `delete from moderation.notes where (project_id, case_id, id) in (
      select n.project_id, n.case_id, n.id from moderation.notes n
      join moderation.cases c on c.project_id = n.project_id and c.id = n.case_id
      where n.project_id = :project and (c.user_id = :user or c.target_id = :user or n.author = :user) limit :limit)`,
  },
  {
    place: 'moderation.report-notes',
    erase: `update moderation.reports set note = null where (project_id, case_id, reporter_id) in (
      select r.project_id, r.case_id, r.reporter_id from moderation.reports r
      join moderation.cases c on c.project_id = r.project_id and c.id = r.case_id
      where r.project_id = :project and (c.user_id = :user or c.target_id = :user) and r.note is not null limit :limit)`,
  },
  {
    place: 'moderation.reports',
    select: `select jsonb_build_object('caseId', case_id, 'reason', reason, 'note', note, 'createdAt', created_at) as record
      from moderation.reports where project_id = :project and reporter_id = :user order by case_id`,
    erase: `delete from moderation.reports where (project_id, case_id, reporter_id) in (
      select project_id, case_id, reporter_id from moderation.reports
      where project_id = :project and reporter_id = :user limit :limit)`,
  },
  {
    place: 'moderation.cases',
    erase: `update moderation.cases set evidence = null, user_id = nullif(user_id, :user),
        resolution = case when user_id = :user or target_id = :user then null else resolution end,
        target_id = case target_id when :user then 'erased-' || id else target_id end,
        claimed_by = nullif(claimed_by, :user)
      where (project_id, id) in (select project_id, id from moderation.cases
        where project_id = :project and (user_id = :user or target_id = :user or claimed_by = :user
          or position(:quoted in evidence::text) > 0) limit :limit)`,
  },
  {
    place: 'moderation.report-tries',
    erase: `delete from moderation.report_tries where ctid = any(array(select ctid from moderation.report_tries
      where project_id = :project and reporter_id = :user limit :limit))`,
  },
])

import { eachRowIn, type PersonalData, personalTables } from '@parley/core/personal-data'
import type { MasterKey } from '@parley/core/secrets'
import { contactContext } from './directory/member-writer.ts'

const ofUser = 'project_id = :project and user_id = :user'
const renamed = ':user <> :pseudonym'

const tables = personalTables('enterprise', [
  {
    place: 'enterprise.members',
    // Devices cannot be told of one who must not be named: they begin anew.
    erase: `with head as (update enterprise.directories set version = version + 1, reset_version = version + 1
        where project_id = :project and exists (select from enterprise.members where ${ofUser}))
      delete from enterprise.members where ${ofUser}`,
  },
  {
    place: 'enterprise.departments',
    erase: `update enterprise.departments set manager_id = nullif(manager_id, :user),
        visibility = replace(visibility::text, :quoted, :quotedPseudonym)::jsonb
      where (project_id, id) in (select project_id, id from enterprise.departments where project_id = :project
        and (manager_id = :user or (${renamed} and position(:quoted in visibility::text) > 0)) limit :limit)`,
  },
  {
    place: 'enterprise.calls',
    erase: `delete from enterprise.calls where (project_id, bot_id) in (
      select project_id, id from enterprise.bots where ${ofUser})`,
  },
  { place: 'enterprise.bots', erase: `delete from enterprise.bots where ${ofUser}` },
  {
    place: 'enterprise.clicks',
    select: `select jsonb_build_object('messageId', message_id, 'actionId', action_id, 'value', value,
        'createdAt', created_at) as record
      from enterprise.clicks where ${ofUser} order by id`,
    erase: `update enterprise.clicks set user_id = case when user_id = :user then :pseudonym else user_id end,
        owner_id = case when owner_id = :user then :pseudonym else owner_id end
      where (project_id, id) in (select project_id, id from enterprise.clicks
        where project_id = :project and (user_id = :user or owner_id = :user) and ${renamed} limit :limit)`,
  },
  { place: 'enterprise.approval-cards', erase: `delete from enterprise.approval_cards where ${ofUser}` },
  {
    place: 'enterprise.unsent-cards',
    erase: `update enterprise.approval_cards
      set first_card = replace(first_card::text, :quoted, :quotedPseudonym)::jsonb
      where (project_id, approval_id, user_id) in (select project_id, approval_id, user_id
        from enterprise.approval_cards where project_id = :project and ${renamed}
          and position(:quoted in first_card::text) > 0 limit :limit)`,
  },
  {
    place: 'enterprise.approvals',
    select: `select jsonb_build_object('approvalId', a.id, 'state', a.state, 'submitterId', a.submitter_id,
        'createdAt', a.created_at) || a.body as record
      from enterprise.approvals a where a.project_id = :project and exists (select from enterprise.approval_people p
        where p.project_id = a.project_id and p.approval_id = a.id and p.user_id = :user) order by a.id`,
    erase: `update enterprise.approvals set body = replace(body::text, :quoted, :quotedPseudonym)::jsonb,
        submitter_id = case when submitter_id = :user then :pseudonym else submitter_id end
      where (project_id, id) in (select project_id, id from enterprise.approvals where project_id = :project
        and (submitter_id = :user or position(:quoted in body::text) > 0) and ${renamed} limit :limit)`,
  },
  {
    place: 'enterprise.approval-people',
    erase: `update enterprise.approval_people set user_id = :pseudonym where (project_id, user_id, role, approval_id) in (
      select project_id, user_id, role, approval_id from enterprise.approval_people
      where ${ofUser} and ${renamed} limit :limit)`,
  },
  {
    place: 'enterprise.templates',
    erase: `update enterprise.templates set definition = replace(definition::text, :quoted, :quotedPseudonym)::jsonb
      where (project_id, id) in (select project_id, id from enterprise.templates where project_id = :project
        and position(:quoted in definition::text) > 0 and ${renamed} limit :limit)`,
  },
])

interface Row {
  name: string
  employee_number: string | null
  tags: string[]
  status: string
  departments: string[]
  sealed_phone: Buffer | null
  sealed_email: Buffer | null
}

/** What the organisation keeps of a user. Approvals stay as records and name the pseudonym. */
export function enterprisePersonalData(masterKey: MasterKey): PersonalData {
  return {
    ...tables,
    exportUser: async (call, userId, after) => {
      const { projectId } = call.project
      const open = (kind: 'phone' | 'email', sealed: Buffer | null): string | null =>
        sealed === null ? null : masterKey.open(sealed, contactContext(projectId, userId, kind)).toString()
      const statement = {
        text: `select m.name, m.employee_number, m.tags, m.status, m.sealed_phone, m.sealed_email,
            array(select p.department_id from enterprise.places p
              where p.project_id = m.project_id and p.user_id = m.user_id order by p.place) as departments
          from enterprise.members m where m.project_id = $1 and m.user_id = $2 and m.removed_at is null`,
        values: [projectId, userId],
      }
      await call.project.transaction((tx) =>
        eachRowIn<Row>(tx, statement, ({ sealed_phone, sealed_email, employee_number, ...facts }) =>
          call.write({
            ...{ type: 'enterprise.members', ...facts, employeeNumber: employee_number },
            ...{ phone: open('phone', sealed_phone), email: open('email', sealed_email) },
          }),
        ),
      )
      return tables.exportUser?.(call, userId, after)
    },
  }
}

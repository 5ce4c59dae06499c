import { AppError, type ApprovalPeople, maxApprovers } from '@parley/contracts'
import type { Queryable } from '@parley/core/store'

/** Who is meant, as the directory is now. Nobody is an empty list. */
export async function resolvePeople(
  queryable: Queryable,
  projectId: string,
  submitterId: string,
  people: ApprovalPeople,
): Promise<string[]> {
  switch (people.by) {
    case 'users':
      return [...new Set(people.userIds)]
    case 'manager':
      return managersAbove(queryable, projectId, submitterId, people.level)
    case 'role': {
      const { rows } = await queryable.query<{ user_id: string }>({
        text: `select user_id from enterprise.members
          where project_id = $1 and tags @> array[$2] and status = 'active' and removed_at is null
          order by user_id limit $3`,
        values: [projectId, people.tag, maxApprovers + 1],
      })
      if (rows.length > maxApprovers)
        throw new AppError('conflict', `More than ${maxApprovers} members have the tag ${people.tag}`)
      return rows.map(({ user_id }) => user_id)
    }
    default:
      return people satisfies never
  }
}

/**
 * Up the line from the submitter's main department. Whoever manages the department they are in themselves has the
 * manager of the one above; departments without a manager, or one who left, are passed over.
 */
async function managersAbove(
  queryable: Queryable,
  projectId: string,
  submitterId: string,
  level: number,
): Promise<string[]> {
  const { rows } = await queryable.query<{ manager_id: string }>({
    text: `with recursive line as (
        select d.parent_id, d.manager_id, 1 as height from enterprise.places p
        join enterprise.departments d on d.project_id = p.project_id and d.id = p.department_id
          and d.removed_at is null
        where p.project_id = $1 and p.user_id = $2 and p.place = 0
        union all
        select d.parent_id, d.manager_id, l.height + 1 from line l
        join enterprise.departments d on d.project_id = $1 and d.id = l.parent_id and d.removed_at is null
        where l.height < 50
      )
      select l.manager_id from line l
      join enterprise.members m on m.project_id = $1 and m.user_id = l.manager_id and m.status = 'active'
        and m.removed_at is null
      where l.manager_id <> $2 order by l.height`,
    values: [projectId, submitterId],
  })
  const line = [...new Set(rows.map(({ manager_id }) => manager_id))]
  const manager = line[level - 1]
  return manager === undefined ? [] : [manager]
}

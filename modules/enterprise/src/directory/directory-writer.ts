import { AppError, type DepartmentInput, type MemberInput } from '@parley/contracts'
import type { Outbox } from '@parley/core/outbox'
import type { MasterKey } from '@parley/core/secrets'
import type { Database, Transaction } from '@parley/core/store'
import type { Users } from '../ports.ts'
import { putDepartments } from './department-writer.ts'
import { LockedDirectory } from './directory-head.ts'
import { putMembers } from './member-writer.ts'
import { type RowOutcome, requireTaken } from './row-outcome.ts'

export interface DirectoryWriterOptions {
  database: Database
  outbox: Outbox
  masterKey: MasterKey
  users: Users
  maxDepartments: number
}

export type ImportedRow =
  | { kind: 'departments'; id: string; input: DepartmentInput }
  | { kind: 'members'; id: string; input: MemberInput }

/** Changes the directory; each change locks its head. */
export class DirectoryWriter {
  readonly #options: DirectoryWriterOptions

  constructor(options: DirectoryWriterOptions) {
    this.#options = options
  }

  /** Puts rows within a transaction of the caller; the users exist. Answers what became of each. */
  async put(tx: Transaction, projectId: string, rows: readonly ImportedRow[]): Promise<RowOutcome[]> {
    const { outbox, masterKey, maxDepartments } = this.#options
    const directory = await LockedDirectory.lock(tx, projectId, masterKey)
    const departments = rows.filter((row) => row.kind === 'departments')
    const members = rows.filter((row) => row.kind === 'members')
    const outcomes =
      departments.length > 0
        ? await putDepartments(directory, outbox, departments, { maxDepartments })
        : await putMembers(
            directory,
            { outbox, masterKey },
            members.map(({ id, input }) => ({ userId: id, input })),
          )
    await directory.save()
    return outcomes
  }

  async putOne(projectId: string, row: ImportedRow): Promise<void> {
    const { database, users } = this.#options
    if (row.kind === 'members') await users.make(projectId, row.id)
    await database.project(projectId).transaction(async (tx) => {
      const [outcome] = await this.put(tx, projectId, [row])
      requireTaken(outcome)
    })
  }

  async removeDepartment(projectId: string, departmentId: string): Promise<void> {
    await this.#change(projectId, async (directory) => {
      const { rows } = await directory.tx.query<{ filled: boolean }>({
        text: `select exists (select from enterprise.departments c
              where c.project_id = $1 and c.parent_id = $2 and c.removed_at is null)
            or exists (select from enterprise.places p join enterprise.members m using (project_id, user_id)
              where p.project_id = $1 and p.department_id = $2 and m.removed_at is null and m.status = 'active')
            as filled
          from enterprise.departments d where d.project_id = $1 and d.id = $2 and d.removed_at is null`,
        values: [projectId, departmentId],
      })
      const [row] = rows
      if (row === undefined) throw new AppError('not-found', 'There is no such department')
      if (row.filled) throw new AppError('conflict', 'The department holds departments or members')
      await directory.tx.query({
        text: `update enterprise.departments set removed_at = now(), version = $3
          where project_id = $1 and id = $2`,
        values: [projectId, departmentId, directory.next()],
      })
      // Those who left keep no place in what is gone.
      await directory.tx.query({
        text: 'delete from enterprise.places where project_id = $1 and department_id = $2',
        values: [projectId, departmentId],
      })
      directory.noteRules()
      const data = { departmentId, change: 'removed' as const }
      await this.#options.outbox.append(directory.tx, [
        { projectId, resource: `department/${departmentId}`, type: 'department.changed', data },
      ])
    })
  }

  async removeMember(projectId: string, userId: string): Promise<void> {
    await this.#change(projectId, async (directory) => {
      const version = directory.next()
      const { rowCount } = await directory.tx.query({
        text: `update enterprise.members set removed_at = now(), version = $3, placed_version = $3, name = '',
            folded_name = '', initials = '', employee_number = null, sealed_phone = null, phone_index = null,
            sealed_email = null, email_index = null, tags = '{}', status = 'left'
          where project_id = $1 and user_id = $2 and removed_at is null`,
        values: [projectId, userId, version],
      })
      if (rowCount === 0) throw new AppError('not-found', 'There is no such member')
      await directory.tx.query({
        text: 'delete from enterprise.places where project_id = $1 and user_id = $2',
        values: [projectId, userId],
      })
      await this.#options.outbox.append(directory.tx, [
        {
          projectId,
          resource: `member/${userId}`,
          type: 'member.changed',
          data: { userId, change: 'removed' },
        },
      ])
    })
  }

  #change(projectId: string, work: (directory: LockedDirectory) => Promise<void>): Promise<void> {
    const { database, masterKey } = this.#options
    return database.project(projectId).transaction(async (tx) => {
      const directory = await LockedDirectory.lock(tx, projectId, masterKey)
      await work(directory)
      await directory.save()
    })
  }
}

import { createHash } from 'node:crypto'
import {
  AppError,
  type Approval,
  type ApprovalEvents,
  type ApprovalStanding,
  type ApprovalTemplate,
  maxApprovalComments,
  newId,
} from '@parley/contracts'
import type { Jobs } from '@parley/core/jobs'
import type { Outbox } from '@parley/core/outbox'
import { decodeCursor, type PageRequest, toPage } from '@parley/core/pages'
import type { Database, Queryable, Transaction } from '@parley/core/store'
import type { Actor, UserActor } from '../doors.ts'
import type { Files, Users } from '../ports.ts'
import { type ApprovalAction, act } from './approval-flow.ts'
import { checkForm, type FormReferences } from './approval-form.ts'
import { type ApprovalRow, approvalColumns, readApproval, rolesOf, toApproval } from './approval-row.ts'
import { resolvePeople } from './approvers.ts'
import { cardsJobOf } from './cards-job.ts'
import type { ApprovalTemplates } from './templates.ts'

export interface ApprovalsOptions {
  database: Database
  outbox: Outbox
  jobs: Jobs
  users: Users
  files: Files
  templates: ApprovalTemplates
}

export interface Submission {
  requestId: string
  templateId: string
  form: Approval['form']
}

type Told = Exclude<keyof ApprovalEvents, 'approval.submitted'>

/** Approvals: submitted once, decided under a lock, each change told with it. */
export class Approvals {
  readonly #options: ApprovalsOptions

  constructor(options: ApprovalsOptions) {
    this.#options = options
  }

  async submit({ projectId, userId }: UserActor, submission: Submission): Promise<Approval> {
    const { database, outbox, users, templates } = this.#options
    const project = database.project(projectId)
    const { requestId, templateId, form } = submission
    const digest = createHash('sha256')
      .update(JSON.stringify([templateId, form]))
      .digest()
    const before = await this.#find(project, projectId, userId, requestId)
    if (before !== undefined) return same(before, digest)
    await users.ensure(project, [userId])
    const template = await templates.usable(project, projectId, templateId)
    const references = checkForm(template.fields, form)
    const { steps, copiedTo } = await this.#people(project, projectId, userId, template)
    await this.#requireReferences(projectId, references, [
      ...steps.flatMap(({ tasks }) => tasks.map((task) => task.userId)),
      ...copiedTo,
    ])
    const { name: title, fields } = template
    const body: ApprovalRow['body'] = { templateId, title, fields, form, steps, copiedTo, comments: [] }
    return project.transaction(async (tx) => {
      const { rows } = await tx.query<ApprovalRow>({
        text: `insert into enterprise.approvals as a (project_id, id, submitter_id, request_id, digest, state, body,
            version)
          values ($1, $2, $3, $4, $5, 'pending', $6, 1) on conflict do nothing returning ${approvalColumns}`,
        values: [projectId, newId('approval'), userId, requestId, digest, JSON.stringify(body)],
      })
      const [row] = rows
      if (row === undefined) {
        const winner = await this.#find(tx, projectId, userId, requestId)
        if (winner === undefined) throw new AppError('conflict')
        return same(winner, digest)
      }
      const approval = toApproval(row)
      await this.#noteRoles(tx, projectId, approval)
      const resource = `approval/${approval.id}`
      await outbox.append(tx, [{ projectId, resource, type: 'approval.submitted', data: { approval } }])
      return approval
    })
  }

  get({ projectId, userId }: Actor, id: string): Promise<Approval> {
    return readApproval(this.#options.database.project(projectId), projectId, id, userId)
  }

  async list(
    { projectId, userId }: UserActor,
    query: PageRequest & { role: string; state?: string | undefined },
  ) {
    const { role, state, limit, cursor } = query
    const { rows } = await this.#options.database.project(projectId).query<ApprovalRow>({
      text: `select ${approvalColumns} from enterprise.approval_people p
        join enterprise.approvals a on a.project_id = p.project_id and a.id = p.approval_id
        where p.project_id = $1 and p.user_id = $2 and p.role = $3 and ($4::text is null or a.state = $4)
          and ($5::text is null or p.approval_id < $5) order by p.approval_id desc limit $6`,
      values: [projectId, userId, role, state ?? null, decodeCursor(cursor) ?? null, limit + 1],
    })
    return toPage(rows, limit, { keyOf: (row) => row.id, itemOf: toApproval })
  }

  /** Carries an action out exactly once; the same action again answers what became of it. */
  async act(projectId: string, id: string, action: ApprovalAction): Promise<Approval> {
    const { database, users } = this.#options
    const project = database.project(projectId)
    const named = action.type === 'transfer' ? action.toUserId : undefined
    const added = action.type === 'add-approver' ? action.approverId : named
    if (added !== undefined) await users.ensure(project, [added])
    return project.transaction(async (tx) => {
      const approval = await readApproval(tx, projectId, id, action.userId, { lock: true })
      const flow = act(approval, action, new Date().toISOString())
      if (flow === approval) return approval
      const next: Approval = { ...approval, state: flow.state, steps: flow.steps }
      const told = flow.state === 'pending' ? 'approval.advanced' : (`approval.${flow.state}` as const)
      return this.#save(tx, projectId, next, action.userId, told)
    })
  }

  async comment({ projectId, userId }: UserActor, id: string, text: string): Promise<Approval> {
    return this.#options.database.project(projectId).transaction(async (tx) => {
      const approval = await readApproval(tx, projectId, id, userId, { lock: true })
      if (approval.comments.length >= maxApprovalComments)
        throw new AppError('limit-exceeded', `An approval has at most ${maxApprovalComments} comments`)
      const comments = [...approval.comments, { userId, text, createdAt: new Date().toISOString() }]
      return this.#save(tx, projectId, { ...approval, comments }, userId, 'approval.commented')
    })
  }

  async #save(
    tx: Transaction,
    projectId: string,
    { templateId, title, fields, form, steps, copiedTo, comments, ...head }: Approval,
    actorId: string,
    type: Told,
  ): Promise<Approval> {
    const body: ApprovalRow['body'] = { templateId, title, fields, form, steps, copiedTo, comments }
    const { rows } = await tx.query<ApprovalRow>({
      text: `update enterprise.approvals a set state = $3, body = $4, version = version + 1, updated_at = now()
        where project_id = $1 and id = $2 returning ${approvalColumns}`,
      values: [projectId, head.id, head.state, JSON.stringify(body)],
    })
    const [row] = rows
    if (row === undefined) throw new Error('the approval is gone')
    const approval = toApproval(row)
    await this.#noteRoles(tx, projectId, approval)
    const event = { projectId, resource: `approval/${approval.id}`, type, data: { approval, actorId } }
    await this.#options.outbox.append(tx, [event])
    return approval
  }

  async #noteRoles(tx: Transaction, projectId: string, approval: Approval): Promise<void> {
    const roles = rolesOf(approval)
    await tx.query({
      text: 'delete from enterprise.approval_people where project_id = $1 and approval_id = $2',
      values: [projectId, approval.id],
    })
    await tx.query({
      text: `insert into enterprise.approval_people (project_id, user_id, role, approval_id)
        select $1, u, r, $2 from unnest($3::text[], $4::text[]) as x (u, r) on conflict do nothing`,
      values: [projectId, approval.id, roles.map(({ userId }) => userId), roles.map(({ role }) => role)],
    })
    await this.#options.jobs.enqueue(tx, cardsJobOf(projectId, approval.id))
  }

  async #find(queryable: Queryable, projectId: string, userId: string, requestId: string) {
    const { rows } = await queryable.query<ApprovalRow>({
      text: `select ${approvalColumns} from enterprise.approvals a
        where a.project_id = $1 and a.submitter_id = $2 and a.request_id = $3`,
      values: [projectId, userId, requestId],
    })
    return rows[0]
  }

  async #people(
    queryable: Queryable,
    projectId: string,
    submitterId: string,
    template: ApprovalTemplate,
  ): Promise<{ steps: ApprovalStanding[]; copiedTo: string[] }> {
    const steps: ApprovalStanding[] = []
    for (const { name, mode, approvers } of template.steps) {
      const userIds = await resolvePeople(queryable, projectId, submitterId, approvers)
      if (userIds.length === 0) throw new AppError('conflict', `Nobody can decide the step "${name}"`)
      const tasks = userIds.map((userId) => ({ userId, verdict: 'waiting' as const }))
      steps.push({ name, mode, state: steps.length === 0 ? 'current' : 'ahead', tasks })
    }
    const copied = new Set<string>()
    for (const people of template.copyTo) {
      for (const userId of await resolvePeople(queryable, projectId, submitterId, people)) copied.add(userId)
    }
    return { steps, copiedTo: [...copied] }
  }

  async #requireReferences(
    projectId: string,
    { userIds, departmentIds, objectIds }: FormReferences,
    people: readonly string[],
  ): Promise<void> {
    const { database, users, files } = this.#options
    const project = database.project(projectId)
    await users.ensure(project, [...new Set([...userIds, ...people])])
    if (objectIds.length > 0) await files.requireStored(project, [...new Set(objectIds)])
    if (departmentIds.length === 0) return
    const { rows } = await project.query<{ id: string }>({
      text: 'select id from enterprise.departments where project_id = $1 and id = any($2) and removed_at is null',
      values: [projectId, departmentIds],
    })
    const missing = departmentIds.find((id) => !rows.some((row) => row.id === id))
    if (missing !== undefined) throw new AppError('not-found', `There is no department ${missing}`)
  }
}

function same(row: ApprovalRow, digest: Buffer): Approval {
  if (!row.digest.equals(digest))
    throw new AppError('conflict', 'The requestId was used for another approval')
  return toApproval(row)
}

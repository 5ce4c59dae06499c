import { createHash } from 'node:crypto'
import { AppError, type Approval, type Card, cardContent } from '@parley/contracts'
import type { Logger } from '@parley/core/kernel'
import type { Database } from '@parley/core/store'
import { approvalBotId } from '../config.ts'
import type { EnterprisePorts } from '../ports.ts'
import { readApproval } from './approval-row.ts'

interface CardRow {
  user_id: string
  message_id: string | null
  version: number
  first_card: Card
}

const colors = { pending: 'blue', approved: 'green', rejected: 'red', withdrawn: 'neutral' } as const
const maxFieldsShown = 20
const maxValueShown = 300

/** Cards of an approval in the direct conversations of those it concerns, kept as the approval stands. */
export class ApprovalCards {
  readonly #database: Database
  readonly #ports: EnterprisePorts
  readonly #logger: Logger

  constructor(options: { database: Database; ports: EnterprisePorts; logger: Logger }) {
    this.#database = options.database
    this.#ports = options.ports
    this.#logger = options.logger
  }

  /** Sends what was not sent and changes what has changed; done again, it does nothing. */
  async refresh(projectId: string, approvalId: string): Promise<void> {
    const project = this.#database.project(projectId)
    const approval = await readApproval(project, projectId, approvalId, undefined)
    await this.#ports.users.make(projectId, approvalBotId)
    const { rows } = await project.query<CardRow>({
      text: `select user_id, message_id, version, first_card from enterprise.approval_cards
        where project_id = $1 and approval_id = $2`,
      values: [projectId, approvalId],
    })
    const known = new Map(rows.map((row) => [row.user_id, row]))
    for (const userId of new Set([...known.keys(), ...audienceOf(approval)])) {
      try {
        await this.#refreshOne(projectId, approval, userId, known.get(userId))
      } catch (error) {
        // Whoever blocks the sender, or recalled the card, gets none.
        if (!(error instanceof AppError) || error.retryable) throw error
        this.#logger.debug({ code: error.code, approvalId }, 'a card of an approval was refused')
      }
    }
  }

  async #refreshOne(
    projectId: string,
    approval: Approval,
    userId: string,
    row: CardRow | undefined,
  ): Promise<void> {
    const { messages } = this.#ports
    const key = [projectId, approval.id, userId]
    const project = this.#database.project(projectId)
    const first = row ?? (await this.#begin(projectId, approval, userId))
    let { message_id: messageId } = first
    if (messageId === null) {
      const sent = await messages.send({
        ...{ projectId, senderId: approvalBotId, toUserId: userId },
        clientMessageId: clientMessageIdOf(approval.id, userId),
        content: cardContent(first.first_card),
      })
      messageId = sent.messageId
      await project.query({
        text: `update enterprise.approval_cards set message_id = $4, first_card = '{}'
          where project_id = $1 and approval_id = $2 and user_id = $3`,
        values: [...key, messageId],
      })
    }
    if (first.version >= approval.version) return
    await messages.replace(projectId, messageId, cardContent(cardFor(approval, userId)))
    await project.query({
      text: `update enterprise.approval_cards set version = $4
        where project_id = $1 and approval_id = $2 and user_id = $3`,
      values: [...key, approval.version],
    })
  }

  async #begin(projectId: string, approval: Approval, userId: string): Promise<CardRow> {
    const card = cardFor(approval, userId)
    await this.#database.project(projectId).query({
      text: `insert into enterprise.approval_cards (project_id, approval_id, user_id, version, first_card)
        values ($1, $2, $3, $4, $5)`,
      values: [projectId, approval.id, userId, approval.version, JSON.stringify(card)],
    })
    return { user_id: userId, message_id: null, version: approval.version, first_card: card }
  }
}

function clientMessageIdOf(approvalId: string, userId: string): string {
  const hash = createHash('sha256').update(userId).digest('hex').slice(0, 32)
  return `${approvalId}-${hash}`
}

/** Who gets a card now: the submitter, those who are to decide, and once it is approved those it is copied to. */
function audienceOf({ submitterId, state, steps, copiedTo }: Approval): string[] {
  const deciders = steps
    .filter((step) => step.state === 'current')
    .flatMap(({ tasks }) => tasks.filter(({ verdict }) => verdict === 'waiting').map(({ userId }) => userId))
  return [submitterId, ...deciders, ...(state === 'approved' ? copiedTo : [])]
}

export function cardFor(approval: Approval, userId: string): Card {
  const { id, title, state, submitterId, fields, form, steps, comments } = approval
  const shown = fields.flatMap(({ id: fieldId, label }) => {
    const value = form[fieldId]
    if (value === undefined || value === null) return []
    const text = Array.isArray(value) ? value.map(String).join(', ') : String(value)
    return [{ label: label.slice(0, 64), value: text.slice(0, maxValueShown) }]
  })
  const decided = steps.flatMap(({ name, state: standing, tasks }) => {
    const said = tasks
      .filter(({ verdict }) => verdict !== 'waiting' && verdict !== 'spared')
      .map(
        (task) => `${task.userId}: ${task.verdict}${task.comment === undefined ? '' : ` (${task.comment})`}`,
      )
    return standing === 'ahead'
      ? []
      : [{ label: name.slice(0, 64), value: (said.join('\n') || standing).slice(0, maxValueShown) }]
  })
  const last = comments.at(-1)
  const at = steps.findIndex((step) => step.state === 'current')
  const value = `${id}/${at}`
  const mayDecide =
    steps[at]?.tasks.some((task) => task.userId === userId && task.verdict === 'waiting') === true
  return {
    title: `${title} · ${state}`.slice(0, 256),
    color: colors[state],
    elements: [
      {
        type: 'fields',
        fields: [{ label: 'Submitter', value: submitterId }, ...shown.slice(0, maxFieldsShown)],
      },
      ...(decided.length > 0 ? [{ type: 'fields' as const, fields: decided.slice(0, maxFieldsShown) }] : []),
      ...(last === undefined
        ? []
        : [{ type: 'text' as const, text: `${last.userId}: ${last.text}`.slice(0, 1_000) }]),
      ...(mayDecide
        ? [
            {
              type: 'buttons' as const,
              buttons: [
                { label: 'Approve', style: 'primary' as const, actionId: 'approved', value },
                { label: 'Reject', style: 'danger' as const, actionId: 'rejected', value },
              ],
            },
          ]
        : []),
    ],
  }
}

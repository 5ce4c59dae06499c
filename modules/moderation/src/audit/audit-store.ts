import { randomBytes } from 'node:crypto'
import {
  AppError,
  type AuditPort,
  defaultModerationSettings,
  type ModerationSettings,
} from '@parley/contracts'
import type { Outbox } from '@parley/core/outbox'
import type { MasterKey } from '@parley/core/secrets'
import type { ProjectScope, Queryable, Transaction } from '@parley/core/store'

interface AuditRow {
  url: string
  kinds: AuditPort['kinds']
  timeout_ms: number
  fallback: AuditPort['fallback']
  mode: AuditPort['mode']
  sealed_secret: Buffer
  created_at: Date
  updated_at: Date
}

/** An audit service with what signs its questions. */
export interface AuditTarget extends AuditPort {
  secret: string
}

export interface Policy {
  settings: ModerationSettings
  audit: AuditTarget | undefined
}

const columns = 'url, kinds, timeout_ms, fallback, mode, sealed_secret, created_at, updated_at'

/** How projects moderate: settings and audit service. */
export class PolicyStore {
  readonly #outbox: Outbox
  readonly #masterKey: MasterKey

  constructor(outbox: Outbox, masterKey: MasterKey) {
    this.#outbox = outbox
    this.#masterKey = masterKey
  }

  async read(queryable: Queryable, projectId: string): Promise<Policy> {
    const { rows } = await queryable.query<{ settings: Partial<ModerationSettings> }>({
      text: 'select settings from moderation.policies where project_id = $1',
      values: [projectId],
    })
    const { rows: audits } = await queryable.query<AuditRow>({
      text: `select ${columns} from moderation.audits where project_id = $1`,
      values: [projectId],
    })
    const [row] = audits
    return {
      settings: { ...defaultModerationSettings, ...rows[0]?.settings },
      audit: row && { ...toAudit(row), secret: this.#open(projectId, row.sealed_secret) },
    }
  }

  /** The secret is told when it is made. */
  putAudit(
    project: ProjectScope,
    given: Omit<AuditPort, 'createdAt' | 'updatedAt'>,
  ): Promise<AuditPort & { secret?: string }> {
    const { projectId } = project
    return this.#change(project, 'audit', async (tx) => {
      const secret = `whsec_${randomBytes(32).toString('base64')}`
      const { rows } = await tx.query<AuditRow & { made: boolean }>({
        text: `insert into moderation.audits (project_id, url, kinds, timeout_ms, fallback, mode, sealed_secret)
          values ($1, $2, $3, $4, $5, $6, $7)
          on conflict (project_id) do update set url = excluded.url, kinds = excluded.kinds,
            timeout_ms = excluded.timeout_ms, fallback = excluded.fallback, mode = excluded.mode, updated_at = now()
          returning ${columns}, xmax = 0 as made`,
        values: [
          projectId,
          given.url,
          given.kinds,
          given.timeoutMs,
          given.fallback,
          given.mode,
          this.#masterKey.seal(secret, contextOf(projectId)),
        ],
      })
      const [row] = rows
      if (row === undefined) throw new Error('the statement answered no row')
      return { ...toAudit(row), ...(row.made && { secret }) }
    })
  }

  /** Throws `not-found`. */
  removeAudit(project: ProjectScope): Promise<void> {
    return this.#change(project, 'audit', async (tx) => {
      const { rowCount } = await tx.query({
        text: 'delete from moderation.audits where project_id = $1',
        values: [project.projectId],
      })
      if (rowCount === 0) throw new AppError('not-found', 'The project has no audit service')
    })
  }

  updateSettings(
    project: ProjectScope,
    change: { [Name in keyof ModerationSettings]?: ModerationSettings[Name] | undefined },
  ): Promise<ModerationSettings> {
    return this.#change(project, 'settings', async (tx) => {
      const { rows } = await tx.query<{ settings: Partial<ModerationSettings> }>({
        text: `insert into moderation.policies as p (project_id, settings) values ($1, $2::jsonb)
          on conflict (project_id) do update set settings = p.settings || excluded.settings returning settings`,
        values: [project.projectId, JSON.stringify(change)],
      })
      return { ...defaultModerationSettings, ...rows[0]?.settings }
    })
  }

  /** Whether any project has its messages audited after they were sent. */
  async hasAfter(queryable: Queryable): Promise<boolean> {
    const { rows } = await queryable.query({
      text: `select 1 from moderation.audits where mode = 'after' limit 1`,
    })
    return rows.length > 0
  }

  #change<T>(
    project: ProjectScope,
    part: 'audit' | 'settings',
    work: (tx: Transaction) => Promise<T>,
  ): Promise<T> {
    const { projectId } = project
    return project.transaction(async (tx) => {
      const answer = await work(tx)
      await this.#outbox.append(tx, [
        { projectId, resource: 'moderation/policy', type: 'moderation.changed', data: { part } },
      ])
      return answer
    })
  }

  #open(projectId: string, sealed: Buffer): string {
    return this.#masterKey.open(sealed, contextOf(projectId)).toString()
  }
}

export function toPublicAudit({ secret: _, ...audit }: AuditTarget): AuditPort {
  return audit
}

function contextOf(projectId: string): string {
  return `moderation-audit/${projectId}`
}

function toAudit(row: AuditRow): AuditPort {
  return {
    url: row.url,
    kinds: row.kinds,
    timeoutMs: row.timeout_ms,
    fallback: row.fallback,
    mode: row.mode,
    createdAt: row.created_at.toISOString(),
    updatedAt: row.updated_at.toISOString(),
  }
}

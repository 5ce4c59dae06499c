import { newId } from '@parley/contracts'
import type { Scope } from '@parley/core/kernel'
import type { LedgerFact } from '@parley/core/ledger'

const flushMs = 1_000
const maxWaiting = 50_000

/** Counts audits into the ledger, a batch a second: what a crash loses is the last second. */
export class AuditUsage {
  readonly #append: (facts: LedgerFact[]) => Promise<unknown>
  #waiting: LedgerFact[] = []

  constructor(options: { scope: Scope; append: (facts: LedgerFact[]) => Promise<unknown> }) {
    this.#append = options.append
    options.scope.onClose('audit usage', () => this.flush())
    options.scope.every('audit usage', flushMs, () => this.flush())
  }

  note(projectId: string, kinds: readonly string[], data: LedgerFact['data']): void {
    if (this.#waiting.length >= maxWaiting) return
    const occurredAt = new Date()
    for (const kind of kinds) {
      this.#waiting.push({
        id: newId('fact'),
        projectId,
        type: 'content.audited',
        subject: `audit/${kind}`,
        occurredAt,
        quantity: 1,
        data: { ...data, kind },
      })
    }
  }

  async flush(): Promise<void> {
    const facts = this.#waiting
    if (facts.length === 0) return
    this.#waiting = []
    try {
      await this.#append(facts)
    } catch (error) {
      this.#waiting = [...facts, ...this.#waiting].slice(0, maxWaiting)
      throw error
    }
  }
}

import type { EnqueueOptions } from '@parley/core/jobs'

export const cardsJob = 'enterprise-approval-cards'

/** Brings the cards of an approval up to date; one such job waits at a time. */
export function cardsJobOf(projectId: string, approvalId: string): EnqueueOptions {
  return {
    name: cardsJob,
    projectId,
    payload: { approvalId },
    uniqueKey: `${cardsJob}/${projectId}/${approvalId}`,
  }
}

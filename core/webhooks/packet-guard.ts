import { AppError, type PacketClaimQuestion } from '@parley/contracts'
import type { BlockingHooks } from './blocking-hooks.ts'

/**
 * Asks `packet.before-claim` before a share of a packet is a user's: the customer's server moves the money, or says
 * no, which is `forbidden`. It has the shape of the port that chat declares.
 */
export function packetClaimGuard(hooks: BlockingHooks): {
  beforeClaim(claim: PacketClaimQuestion & { projectId: string }): Promise<void>
} {
  return {
    beforeClaim: async ({ projectId, ...claim }) => {
      const answer = await hooks.ask(projectId, 'packet.before-claim', {
        payload: claim,
        subject: `message/${claim.messageId}`,
      })
      if (answer.verdict === 'reject') throw new AppError('forbidden', answer.detail)
    },
  }
}

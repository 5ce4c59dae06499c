import { AppError, type EnterpriseOperations, enterpriseOperations } from '@parley/contracts'
import type { Gateway } from '@parley/core/gateway'
import type { HttpServer } from '@parley/core/http'
import { type OperationCall, Operations } from '@parley/core/operations'

export type { Actor, UserActor } from '@parley/core/operations'
/** Both doors, REST and realtime, for what users do in their organisation. */
export type Doors = Operations<EnterpriseOperations>

export function openDoors({ http, gateway }: { http: HttpServer; gateway: Gateway }): Doors {
  return new Operations({ http, gateway, operations: enterpriseOperations, authorize: requireUnlimited })
}

/** A token that is limited to some rights opens neither directory nor approvals; a card is judged by its conversation. */
function requireUnlimited({ type, grants }: OperationCall): void {
  if (grants !== undefined && type !== 'card.click')
    throw new AppError('grant-missing', 'A limited token opens no directory')
}

import type { Outbox } from '@parley/core/outbox'
import type { Database } from '@parley/core/store'
import type { Groups } from '../conversation/groups.ts'
import type { ChatPorts } from '../ports.ts'
import { Announcements } from './announcements.ts'
import { GroupAttributes } from './attributes.ts'
import { InvitationLinks } from './invitation-links.ts'
import { Invitations } from './invitations.ts'
import { Joining } from './joining.ts'
import { GroupMembers } from './members.ts'

/** What can be done in groups, a part a concept. */
export interface GroupParts {
  members: GroupMembers
  joining: Joining
  invitations: Invitations
  links: InvitationLinks
  attributes: GroupAttributes
  announcements: Announcements
}

export function groupParts(options: {
  groups: Groups
  database: Database
  outbox: Outbox
  ports: ChatPorts
}): GroupParts {
  const { groups, database, outbox, ports } = options
  const { users, joinGuard } = ports
  const joining = { groups, database, outbox, users, joinGuard }
  return {
    members: new GroupMembers({ groups, database, users }),
    joining: new Joining(joining),
    invitations: new Invitations(joining),
    links: new InvitationLinks({ groups, database }),
    attributes: new GroupAttributes({ groups, database }),
    announcements: new Announcements({ groups, database }),
  }
}

import type { Migrations } from '@parley/core/store'
import log from './0001-log.sql'
import memberOverlay from './0002-member-overlay.sql'
import messageFacts from './0003-message-facts.sql'
import groups from './0020-groups.sql'
import communities from './0021-communities.sql'
import notices from './0022-notices.sql'
import bots from './0023-bots.sql'

import search from './0040-search.sql'
import chatRooms from './0050-chatrooms.sql'
import data from './0060-data.sql'
import fileReferences from './0061-file-references.sql'
import chatRoomList from './0062-chatroom-list.sql'
import chatRoomGifts from './0063-chatroom-gifts.sql'

export const chatMigrations: Migrations = {
  schema: 'chat',
  steps: [
    { id: '0001-log', sql: log },
    { id: '0002-member-overlay', sql: memberOverlay },
    { id: '0003-message-facts', sql: messageFacts },
    { id: '0020-groups', sql: groups },
    { id: '0021-communities', sql: communities },
    { id: '0022-notices', sql: notices },
    { id: '0023-bots', sql: bots },
    { id: '0040-search', sql: search },
    { id: '0050-chatrooms', sql: chatRooms },
    { id: '0060-data', sql: data },
    { id: '0061-file-references', sql: fileReferences },
    { id: '0062-chatroom-list', sql: chatRoomList },
    { id: '0063-chatroom-gifts', sql: chatRoomGifts },
  ],
}

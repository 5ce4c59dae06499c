import { roomDataLimits } from '@parley/contracts'
import { MAX_ROOM_DATA_HEADER } from '@parley/protocols/room-data'

/** The longest message on a data channel: the largest payload with the longest header. */
export const maxDataMessageBytes = roomDataLimits.reliable + MAX_ROOM_DATA_HEADER + 8

import type {
  Participant,
  Publication,
  ReceivedTrack,
  Room,
  RoomStatistics,
  SubscriptionReason,
} from '@parley/client'
import { useParticipants } from '@parley/react'
import { LineChart } from './line-chart.tsx'
import { nameOf } from './tile.tsx'
import { useMeetingWords } from './words.ts'

/** Samples that are shown: a minute of them. */
export const connectionSpan = 30
const span = connectionSpan
const percent = (share: number) => `${(share * 100).toFixed(share < 0.1 ? 1 : 0)} %`
const rate = (kbps: number) =>
  kbps >= 1000 ? `${(kbps / 1000).toFixed(1)} Mbit/s` : `${Math.round(kbps)} kbit/s`
const milliseconds = (ms: number) => `${Math.round(ms)} ms`

/** What the network carries, what is sent and received, and why something is not. */
export function ConnectionPanel({ room, history }: { room: Room; history: readonly RoomStatistics[] }) {
  const words = useMeetingWords().connection
  const participants = useParticipants(room)
  const last = history.at(-1)
  if (last === undefined) return <p className="connection-empty">{words.measuring}</p>
  const line = (read: (sample: RoomStatistics) => number | undefined) => history.map(read)
  return (
    <div className="connection">
      <LineChart
        {...{ title: words.receiving, span, least: 500, text: rate }}
        lines={[
          { name: words.received, tone: 'first', values: line(({ subscribeKbps }) => subscribeKbps) },
          { name: words.carries, tone: 'second', values: line(({ downlink }) => downlink?.targetKbps) },
        ]}
      />
      <LineChart
        {...{ title: words.sending, span, least: 500, text: rate }}
        lines={[
          { name: words.sent, tone: 'first', values: line(({ publishKbps }) => publishKbps) },
          { name: words.carries, tone: 'second', values: line((sample) => sample.availableUplinkKbps) },
        ]}
      />
      <LineChart
        {...{ title: words.loss, span, least: 0.05, text: percent }}
        lines={[
          { name: words.down, tone: 'first', values: line((s) => s.downlink?.loss ?? s.downlinkLoss) },
          { name: words.up, tone: 'second', values: line(({ uplinkLoss }) => uplinkLoss) },
        ]}
      />
      <LineChart
        {...{ title: words.roundTrip, span, least: 100, text: milliseconds }}
        lines={[{ name: '', tone: 'first', values: line(({ roundTripMs }) => roundTripMs) }]}
      />
      <ul className="flows">
        {participants.flatMap((participant) =>
          [...participant.publications.values()].map((publication) => (
            <Flow key={publication.id} {...{ participant, publication, last }} />
          )),
        )}
      </ul>
    </div>
  )
}

function Flow(props: { participant: Participant; publication: Publication; last: RoomStatistics }) {
  const { participant, publication, last } = props
  const words = useMeetingWords()
  const { delivery } = publication as { delivery?: { active: boolean; reason: SubscriptionReason } }
  const { reasons } = words.connection
  const why = publication.muted ? 'muted' : delivery?.reason
  return (
    <li>
      <strong>
        {nameOf(participant, words)} · {words.connection.sources[publication.source]}
      </strong>
      <span>{participant.isLocal ? sentText(publication, last) : receivedText(publication, last)}</span>
      {why !== undefined && why !== 'ok' && (
        <em>
          {reasons[why]} <code>{why}</code>
        </em>
      )}
    </li>
  )
}

function sentText({ id }: Publication, { published }: RoomStatistics): string {
  return published
    .filter(({ publicationId, kbps }) => publicationId === id && kbps > 0)
    .map((layer) => joined([size(layer), rate(layer.kbps), layer.limitation === 'cpu' && 'CPU']))
    .join(' + ')
}

function receivedText({ id }: Publication, { received }: RoomStatistics): string {
  const track = received.find(({ publicationId }) => publicationId === id)
  if (track === undefined || track.kbps === 0) return ''
  const buffer = track.bufferMs !== undefined && `▭ ${milliseconds(track.bufferMs)}`
  return joined([size(track), rate(track.kbps), track.loss > 0.001 && `↯ ${percent(track.loss)}`, buffer])
}

function size(track: Pick<ReceivedTrack, 'width' | 'height' | 'framesPerSecond'>): string | false {
  const { width, height, framesPerSecond } = track
  return width !== undefined && `${width}×${height}@${Math.round(framesPerSecond ?? 0)}`
}

const joined = (parts: readonly (string | false | undefined)[]): string => parts.filter(Boolean).join(' · ')

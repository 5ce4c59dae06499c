import type { Participant, Publication } from '@parley/client'
import { useTrack } from '@parley/react'
import { Avatar } from '@parley/react/ui'
import type { CSSProperties } from 'react'
import { MicrophoneOffIcon, QualityMark, ScreenIcon } from './meeting-icons.tsx'
import { type MeetingWords, useMeetingWords } from './words.ts'

export function nameOf(participant: Participant, words: MeetingWords): string {
  return participant.isLocal ? words.you : (participant.name ?? participant.userId)
}

/** One participant: the camera, or who they are. */
export function Tile(props: {
  participant: Participant
  camera: Publication | undefined
  style?: CSSProperties
  isSmall?: boolean
}) {
  const { participant, camera } = props
  const words = useMeetingWords()
  const name = nameOf(participant, words)
  const isShown = camera !== undefined && !camera.muted
  const microphone = participant.publication('microphone')
  const isMuted = microphone?.muted ?? true
  const notes = [isMuted && words.muted, participant.speaking && words.speaking].filter(Boolean)
  return (
    <li
      className="tile"
      style={props.style}
      data-participant={participant.userId}
      data-speaking={(participant.speaking && !isMuted) || undefined}
      aria-label={[name, ...notes].join(', ')}
    >
      {isShown ? (
        <TrackVideo publication={camera} className={participant.isLocal ? 'mirrored' : ''} />
      ) : (
        <div className="tile-face">
          <Avatar
            id={participant.userId}
            name={participant.name ?? participant.userId}
            size={props.isSmall ? 44 : 72}
          />
        </div>
      )}
      {isShown && isPaused(camera) && <span className="tile-note">{words.paused}</span>}
      {isSealed(camera) || isSealed(microphone) ? (
        <span className="tile-note">{words.undecryptable}</span>
      ) : null}
      <span className="tile-name">
        {isMuted && <MicrophoneOffIcon size={15} />}
        <span>{name}</span>
        <QualityMark quality={participant.quality} label={qualityText(participant, words)} />
      </span>
    </li>
  )
}

function qualityText({ quality, network }: Participant, words: MeetingWords): string {
  const text = words.quality[quality]
  return network ? `${text} · ${words.network(network.uplink, network.downlink)}` : text
}

/** What somebody shares, in full and never cut. */
export function ScreenTile({ participant, screen }: { participant: Participant; screen: Publication }) {
  const words = useMeetingWords()
  const title = participant.isLocal ? words.youShare : words.shares(nameOf(participant, words))
  return (
    <section className="screen-tile" aria-label={title}>
      <TrackVideo publication={screen} className="" />
      <span className="tile-name">
        <ScreenIcon size={15} />
        <span>{title}</span>
      </span>
    </section>
  )
}

function TrackVideo({ publication, className }: { publication: Publication; className: string }) {
  const video = useTrack(publication)
  return <video ref={video} className={className} playsInline muted data-publication={publication.id} />
}

/** Its frames come, but cannot be opened with the keys that are there. */
function isSealed(publication: Publication | undefined): boolean {
  return publication?.e2ee !== undefined && publication.e2ee !== 'ok'
}

/** The network cannot carry it at the moment. */
function isPaused(publication: Publication): boolean {
  const { delivery } = publication as { delivery?: { active: boolean; reason: string } }
  return delivery?.active === false && delivery.reason === 'bandwidth'
}

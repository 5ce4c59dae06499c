import type { Participant, Publication, Room } from '@parley/client'
import { useParticipants } from '@parley/react'
import { BackIcon, IconButton } from '@parley/react/ui'
import { gapPx, gridLayout } from './grid-layout.ts'
import { NextIcon } from './meeting-icons.tsx'
import { ScreenTile, Tile } from './tile.tsx'
import { useSize } from './use-size.ts'
import { type Tiles, useTiles } from './use-tiles.ts'
import { useMeetingWords } from './words.ts'

/** Everybody in a grid, or beside what is shared. */
export function Stage({ room }: { room: Room }) {
  const { ref, width, height } = useSize<HTMLDivElement>()
  const tiles = useTiles(room, width)
  const shared = sharedScreen(useParticipants(room))
  return (
    <div className="meeting-stage" ref={ref} data-shared={shared !== undefined || undefined}>
      {shared ? (
        <>
          <ScreenTile key={shared.screen.id} participant={shared.participant} screen={shared.screen} />
          <ul className="strip">
            {tiles.shown.map((participant) => (
              <Tile
                key={keyOf(participant)}
                participant={participant}
                camera={participant.publication('camera')}
                isSmall
              />
            ))}
          </ul>
        </>
      ) : (
        <Grid tiles={tiles} width={width} height={height} />
      )}
      {tiles.pages > 1 && <Pages tiles={tiles} />}
    </div>
  )
}

function Grid({ tiles, width, height }: { tiles: Tiles; width: number; height: number }) {
  if (width === 0 || height === 0) return null
  const { columns, tileWidth, tileHeight } = gridLayout(tiles.shown.length, width, height)
  // As wide as a full row, so that the last row is centred below the others.
  const rowWidth = columns * tileWidth + (columns - 1) * gapPx
  return (
    <ul className="grid" style={{ width: rowWidth, gap: gapPx }}>
      {tiles.shown.map((participant) => (
        <Tile
          key={keyOf(participant)}
          participant={participant}
          camera={participant.publication('camera')}
          style={{ width: tileWidth, height: tileHeight }}
        />
      ))}
    </ul>
  )
}

function Pages({ tiles: { page, pages, setPage } }: { tiles: Tiles }) {
  const words = useMeetingWords()
  return (
    <nav className="pages" aria-label={words.page(page + 1, pages)}>
      <IconButton label={words.previousPage} disabled={page === 0} onClick={() => setPage(page - 1)}>
        <BackIcon size={18} />
      </IconButton>
      <span>
        {page + 1} / {pages}
      </span>
      <IconButton label={words.nextPage} disabled={page >= pages - 1} onClick={() => setPage(page + 1)}>
        <NextIcon size={18} />
      </IconButton>
    </nav>
  )
}

function keyOf(participant: Participant): string {
  return participant.isLocal ? 'me' : participant.id
}

/** Somebody else's screen before one's own. */
function sharedScreen(participants: readonly Participant[]) {
  let own: { participant: Participant; screen: Publication } | undefined
  for (const participant of participants) {
    const screen = participant.publication('screen')
    if (!screen) continue
    if (!participant.isLocal) return { participant, screen }
    own = { participant, screen }
  }
  return own
}

import type { Moment } from '@parley/client'
import { useState } from 'react'
import { Dialog } from '../parts/dialog.tsx'
import { IconButton } from '../parts/icon-button.tsx'
import { BackIcon, CloseIcon, PlayIcon } from '../parts/icons.tsx'
import { useWords } from '../parts/ui-context.tsx'

const isFilm = (contentType: string) => contentType.startsWith('video/')

/** Pictures and films of a moment, in a grid; one is shown large. */
export function MomentMedia({ moment }: { moment: Moment }) {
  const { media } = moment
  const words = useWords()
  const [shown, setShown] = useState<number>()
  if (media.length === 0) return null
  const large = shown === undefined ? undefined : media[shown]
  const turn = (step: number) => setShown(((shown ?? 0) + step + media.length) % media.length)
  const labelOf = (index: number) =>
    (isFilm(media[index]?.contentType ?? '') ? words.moment.film : words.moment.picture)(
      index + 1,
      media.length,
    )
  return (
    <>
      <ul className="parley-media" data-count={Math.min(media.length, 4)}>
        {media.map((each, index) => {
          const film = isFilm(each.contentType)
          const ratio =
            media.length === 1 && each.width && each.height ? `${each.width} / ${each.height}` : undefined
          return (
            <li key={each.objectId} style={ratio ? { aspectRatio: ratio } : undefined}>
              <button type="button" aria-label={labelOf(index)} onClick={() => setShown(index)}>
                {film ? (
                  <video src={`${each.url ?? ''}#t=0.1`} preload="metadata" muted playsInline tabIndex={-1} />
                ) : (
                  <img src={each.thumbnailUrl ?? each.url} alt={each.name} loading="lazy" />
                )}
                {film && (
                  <span className="parley-play">
                    <PlayIcon size={22} />
                  </span>
                )}
              </button>
            </li>
          )
        })}
      </ul>
      {large && shown !== undefined && (
        <Dialog label={labelOf(shown)} className="parley-viewer" onClose={() => setShown(undefined)}>
          <header>
            <div>
              <strong>{large.name}</strong>
              <span>{labelOf(shown)}</span>
            </div>
            <IconButton label={words.close} onClick={() => setShown(undefined)}>
              <CloseIcon />
            </IconButton>
          </header>
          <div className="parley-picture">
            {isFilm(large.contentType) ? (
              <video src={large.url} controls autoPlay />
            ) : (
              <img src={large.url} alt={large.name} />
            )}
          </div>
          {media.length > 1 && (
            <>
              <IconButton
                label={words.previousImage}
                className="parley-turn parley-turn-back"
                onClick={() => turn(-1)}
              >
                <BackIcon />
              </IconButton>
              <IconButton
                label={words.nextImage}
                className="parley-turn parley-turn-on"
                onClick={() => turn(1)}
              >
                <BackIcon />
              </IconButton>
            </>
          )}
        </Dialog>
      )}
    </>
  )
}

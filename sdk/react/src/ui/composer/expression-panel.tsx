import type { MessageContent } from '@parley/client'
import { useId, useState } from 'react'
import { useStickers, useWords } from '../parts/ui-context.tsx'
import { EmojiPanel, moveInGrid } from './emoji-panel.tsx'

/** Emoji for the text, and stickers that are sent at once. */
export function ExpressionPanel(props: {
  onEmoji: (emoji: string) => void
  onSticker: (sticker: Extract<MessageContent, { type: 'sticker' }>) => void
}) {
  const words = useWords()
  const sets = useStickers()
  const [tab, setTab] = useState<'emoji' | 'stickers'>('emoji')
  const id = useId()
  return (
    <div className="parley-expressions">
      <div role="tablist" aria-label={words.emoji} className="parley-tabs">
        {(['emoji', 'stickers'] as const).map((each) => (
          <button
            key={each}
            type="button"
            role="tab"
            aria-selected={tab === each}
            aria-controls={id}
            onClick={() => setTab(each)}
          >
            {words.expressions[each]}
          </button>
        ))}
      </div>
      <div role="tabpanel" id={id} aria-label={words.expressions[tab]}>
        {tab === 'emoji' ? (
          <EmojiPanel onChoose={props.onEmoji} />
        ) : (
          <div className="parley-stickers" onKeyDown={moveInGrid}>
            {sets.flatMap((set) =>
              set.stickers.map(({ id: stickerId, emoji, objectId, url }) => (
                <button
                  key={`${set.id} ${stickerId}`}
                  type="button"
                  aria-label={`${words.sticker} ${emoji}`}
                  onClick={() =>
                    props.onSticker({
                      type: 'sticker',
                      setId: set.id,
                      stickerId,
                      emoji,
                      ...(objectId && { objectId }),
                    })
                  }
                >
                  {url ? <img src={url} alt="" /> : emoji}
                </button>
              )),
            )}
          </div>
        )}
      </div>
    </div>
  )
}

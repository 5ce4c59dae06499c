import type { Room } from '@parley/client'
import { BackgroundIcon, NoiseIcon } from './meeting-icons.tsx'
import { useEffects } from './use-effects.ts'
import { useMeetingWords } from './words.ts'

/** What becomes of one's own sound and picture, below the devices. */
export function EffectsMenu({ room, attempt }: { room: Room; attempt: (work: Promise<unknown>) => void }) {
  const words = useMeetingWords()
  const effects = useEffects(room)
  return (
    <>
      <h2>{words.effects}</h2>
      <label className="device effect-switch">
        <NoiseIcon size={18} />
        <span>{words.noiseSuppression}</span>
        <input
          type="checkbox"
          role="switch"
          checked={effects.suppresses}
          onChange={(event) => attempt(effects.setSuppresses(event.target.checked))}
        />
      </label>
      <label className="device">
        <BackgroundIcon size={18} />
        <span className="visually-hidden">{words.background}</span>
        <select
          value={effects.background}
          title={words.background}
          onChange={(event) =>
            attempt(effects.setBackground(event.target.value === 'blur' ? 'blur' : 'none'))
          }
        >
          <option value="none">{words.backgroundAsIs}</option>
          <option value="blur">{words.backgroundBlurred}</option>
        </select>
      </label>
      {effects.background === 'blur' && (
        <div className="effect-room" role="status">
          {effects.empty !== 'known' && <p>{words.roomHint}</p>}
          <button
            type="button"
            className="parley-button"
            disabled={effects.empty === 'stepping-out'}
            onClick={() => attempt(effects.learnRoom())}
          >
            {effects.empty === 'stepping-out' ? words.stepOut : words.learnRoom}
          </button>
        </div>
      )}
    </>
  )
}

import type { VoiceRecorder } from '../../chat/use-voice-recorder.ts'
import { Waveform } from '../content/waveform.tsx'
import { duration } from '../parts/format.ts'
import { IconButton } from '../parts/icon-button.tsx'
import { ArrowUpIcon, TrashIcon } from '../parts/icons.tsx'
import { useWords } from '../parts/ui-context.tsx'

/** A voice that is being recorded. */
export function VoiceBar({ recorder, onSend }: { recorder: VoiceRecorder; onSend: () => void }) {
  const words = useWords()
  return (
    <div className="parley-composer-line parley-voice-bar">
      <IconButton label={words.discard} onClick={recorder.cancel}>
        <TrashIcon size={20} />
      </IconButton>
      <span className="parley-recording" aria-hidden="true" />
      <span role="timer" aria-label={words.recording}>
        {duration(recorder.elapsedMs)}
      </span>
      <Waveform values={recorder.levels.slice(-60).map((level) => level * 255)} bars={60} share={1} />
      <button
        type="button"
        className="parley-send"
        aria-label={words.send}
        title={words.send}
        disabled={recorder.status !== 'recording'}
        onClick={onSend}
      >
        <ArrowUpIcon size={20} />
      </button>
    </div>
  )
}

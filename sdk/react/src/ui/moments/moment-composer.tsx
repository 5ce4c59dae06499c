import type { Moment, MomentVisibility } from '@parley/client'
import { useRef, useState } from 'react'
import { useNames } from '../../chat/use-names.ts'
import { useFriends } from '../../social/use-friends.ts'
import type { MomentInput } from '../../social/use-moments.ts'
import { Field } from '../composer/forms.tsx'
import { FormDialog } from '../parts/dialog.tsx'
import { IconButton } from '../parts/icon-button.tsx'
import { CloseIcon, ImageIcon } from '../parts/icons.tsx'
import { useErrorToast } from '../parts/toasts.tsx'
import { useWords } from '../parts/ui-context.tsx'
import { PeoplePicker } from './people-picker.tsx'
import { useMomentFiles } from './use-moment-files.ts'

const visibilities = ['public', 'friends', 'followers', 'labels', 'me'] as const
const mostFiles = 9

/** Shares a moment: text, pictures and films, who is with it, where it is, and who sees it. */
export function MomentComposer(props: {
  onCreate: (moment: MomentInput) => Promise<Moment>
  onClose: () => void
}) {
  const words = useWords()
  const nameOf = useNames()
  const onFailed = useErrorToast()
  const friends = useFriends()
  const input = useRef<HTMLInputElement>(null)
  const files = useMomentFiles(mostFiles)
  const [text, setText] = useState('')
  const [place, setPlace] = useState('')
  const [mentions, setMentions] = useState<readonly string[]>([])
  const [visibility, setVisibility] = useState<MomentVisibility>('friends')
  const [labels, setLabels] = useState<readonly string[]>([])
  const [excluded, setExcluded] = useState<readonly string[]>([])
  const [busy, setBusy] = useState(false)
  const people = friends.friends.map(({ userId }) => userId)
  const publish = async () => {
    const objectIds = await files.upload()
    const position = place.trim() === '' ? undefined : await ownPosition()
    await props.onCreate({
      text: text.trim(),
      objectIds,
      visibility,
      ...(position && { location: { ...position, name: place.trim() } }),
      ...(mentions.length > 0 && { mentions: [...mentions] }),
      ...(visibility === 'labels' && { labels: [...labels] }),
      ...(excluded.length > 0 && { excludedUserIds: [...excluded] }),
    })
  }
  const ready =
    (text.trim() !== '' || files.chosen.length > 0) && (visibility !== 'labels' || labels.length > 0) && !busy
  return (
    <FormDialog
      title={words.moment.compose}
      submit={busy ? words.moment.publishing : words.moment.publish}
      ready={ready}
      onSubmit={() => {
        setBusy(true)
        publish().then(props.onClose, (error) => {
          onFailed(error)
          setBusy(false)
        })
      }}
      onClose={props.onClose}
    >
      <textarea
        autoFocus
        className="parley-moment-field"
        rows={4}
        dir="auto"
        value={text}
        maxLength={10_000}
        placeholder={words.moment.text}
        aria-label={words.moment.text}
        onChange={(event) => setText(event.target.value)}
        onPaste={(event) => {
          if (event.clipboardData.files.length > 0) files.add(event.clipboardData.files)
        }}
      />
      {files.chosen.length > 0 && (
        <ul className="parley-media parley-media-draft" data-count="4">
          {files.chosen.map(({ key, url, file, progress }) => (
            <li key={key}>
              {file.type.startsWith('video/') ? (
                <video src={url} muted playsInline preload="metadata" />
              ) : (
                <img src={url} alt={file.name} />
              )}
              {progress !== undefined && progress < 1 && (
                <span className="parley-media-progress" role="status">
                  {words.uploading(Math.round(progress * 100))}
                </span>
              )}
              <IconButton label={words.moment.removePicture(file.name)} onClick={() => files.remove(key)}>
                <CloseIcon size={14} />
              </IconButton>
            </li>
          ))}
        </ul>
      )}
      <input
        ref={input}
        type="file"
        multiple
        accept="image/*,video/*"
        className="parley-hidden-input"
        onChange={({ target }) => {
          if (target.files) files.add(target.files)
          target.value = ''
        }}
      />
      <button
        type="button"
        className="parley-link-button"
        disabled={files.chosen.length >= mostFiles}
        onClick={() => input.current?.click()}
      >
        <ImageIcon size={18} />
        {words.moment.addPictures}
      </button>
      <label className="parley-field">
        <span>{words.moment.visibility}</span>
        <select
          value={visibility}
          onChange={({ target }) =>
            setVisibility(visibilities.find((each) => each === target.value) ?? 'friends')
          }
        >
          {visibilities.map((each) => (
            <option key={each} value={each}>
              {words.moment.visibilities[each]}
            </option>
          ))}
        </select>
      </label>
      {visibility === 'labels' && (
        <fieldset className="parley-chips">
          <legend className="parley-unseen">{words.moment.chooseGroups}</legend>
          {friends.labels.length === 0 && <p className="parley-soft">{words.moment.noGroups}</p>}
          {friends.labels.map(({ label }) => (
            <button
              key={label}
              type="button"
              className="parley-chip"
              aria-pressed={labels.includes(label)}
              onClick={() => setLabels(toggled(labels, label))}
            >
              {label}
            </button>
          ))}
        </fieldset>
      )}
      {people.length > 0 && (
        <>
          <PeoplePicker
            label={words.moment.mention}
            people={people}
            nameOf={nameOf}
            chosen={mentions}
            onToggle={(userId) => setMentions(toggled(mentions, userId))}
          />
          {visibility !== 'me' && (
            <PeoplePicker
              label={words.moment.except}
              people={people}
              nameOf={nameOf}
              chosen={excluded}
              onToggle={(userId) => setExcluded(toggled(excluded, userId))}
            />
          )}
        </>
      )}
      <Field label={words.moment.place} value={place} maxLength={256} onChange={setPlace} />
    </FormDialog>
  )
}

const toggled = (known: readonly string[], one: string) =>
  known.includes(one) ? known.filter((each) => each !== one) : [...known, one]

/** Where the device is: a place of a moment has coordinates. */
function ownPosition(): Promise<{ latitude: number; longitude: number }> {
  return new Promise((resolve, reject) => {
    navigator.geolocation.getCurrentPosition(
      ({ coords: { latitude, longitude } }) => resolve({ latitude, longitude }),
      () => reject({ code: 'location' }),
      { maximumAge: 60_000, timeout: 10_000 },
    )
  })
}

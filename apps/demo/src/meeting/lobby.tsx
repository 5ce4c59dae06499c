import { type JoinOptions, KeyRing, type ParleyError } from '@parley/client'
import { Avatar, IconButton } from '@parley/react/ui'
import { type FormEvent, useCallback, useState } from 'react'
import { useStored } from '../view-models/use-stored.ts'
import { capitalised } from '../words/capitalised.ts'
import { DeviceSelect } from './device-select.tsx'
import { CameraIcon, CameraOffIcon, MicrophoneIcon, MicrophoneOffIcon } from './meeting-icons.tsx'
import { chosenEffects } from './use-effects.ts'
import { usePreview } from './use-preview.ts'
import { errorText, useMeetingWords } from './words.ts'

export function Lobby(props: {
  userId: string
  roomId: string
  problem: ParleyError | undefined
  onJoin: (options: JoinOptions) => void
}) {
  const { userId, roomId } = props
  const words = useMeetingWords()
  const [name, setName] = useStored(`parley demo ${userId} name`, capitalised(userId))
  const [microphone, setMicrophone] = useStored<'on' | 'off'>('parley demo microphone', 'on')
  const [camera, setCamera] = useStored<'on' | 'off'>('parley demo camera', 'on')
  const [passphrase, setPassphrase] = useState('')
  const [audioId, setAudioId] = useState('')
  const [videoId, setVideoId] = useState('')
  const [isJoining, setJoining] = useState(false)
  const hasMicrophone = microphone === 'on'
  const hasCamera = camera === 'on'
  const preview = usePreview({ audio: hasMicrophone, video: hasCamera, audioId, videoId })
  const problem = preview.problem ?? props.problem

  const submit = async (event: FormEvent) => {
    event.preventDefault()
    if (isJoining) return
    setJoining(true)
    // Nobody who wanted a blurred room is shown without: then rather nobody joins.
    const effects = await chosenEffects().catch(() => undefined)
    const keys = new KeyRing()
    if (passphrase !== '') await keys.setPassphrase(passphrase, { salt: roomId })
    setJoining(false)
    if (!effects) return
    const chosen = (id: string) => (id === '' ? true : { deviceId: { exact: id } })
    props.onJoin({
      name: name.trim() || capitalised(userId),
      audio: hasMicrophone && chosen(audioId),
      video: hasCamera && chosen(videoId),
      ...(passphrase !== '' && { e2ee: { keys } }),
      ...effects,
    })
  }

  return (
    <form className="lobby" onSubmit={submit}>
      <div className="lobby-preview">
        {preview.video ? (
          <PreviewVideo track={preview.video} label={words.preview} />
        ) : (
          <div className="tile-face">
            <Avatar id={userId} name={name || userId} size={96} />
            <span>{hasCamera && !preview.problem ? words.cameraStarts : words.cameraIsOff}</span>
          </div>
        )}
        <div className="lobby-toggles">
          <IconButton
            label={hasMicrophone ? words.mute : words.unmute}
            className="round"
            pressed={!hasMicrophone}
            onClick={() => setMicrophone(hasMicrophone ? 'off' : 'on')}
          >
            {hasMicrophone ? <MicrophoneIcon size={22} /> : <MicrophoneOffIcon size={22} />}
          </IconButton>
          <IconButton
            label={hasCamera ? words.stopCamera : words.startCamera}
            className="round"
            pressed={!hasCamera}
            onClick={() => setCamera(hasCamera ? 'off' : 'on')}
          >
            {hasCamera ? <CameraIcon size={22} /> : <CameraOffIcon size={22} />}
          </IconButton>
        </div>
        {hasMicrophone && (
          <meter className="level" min={0} max={1} value={preview.level} aria-label={words.microphone} />
        )}
      </div>
      <div className="lobby-form">
        <h2>{words.readyTo(roomId)}</h2>
        <p>{words.readyText}</p>
        <label className="parley-field">
          {words.yourName}
          <input
            value={name}
            maxLength={64}
            autoComplete="nickname"
            onChange={(e) => setName(e.target.value)}
          />
        </label>
        <label className="parley-field">
          {words.passphrase}
          <input
            type="password"
            value={passphrase}
            placeholder={words.passphraseHint}
            maxLength={128}
            autoComplete="off"
            onChange={(e) => setPassphrase(e.target.value)}
          />
        </label>
        <div className="lobby-devices">
          <DeviceSelect
            kind="audioinput"
            label={words.microphone}
            icon={<MicrophoneIcon size={18} />}
            value={audioId}
            onChange={setAudioId}
          />
          <DeviceSelect
            kind="videoinput"
            label={words.camera}
            icon={<CameraIcon size={18} />}
            value={videoId}
            onChange={setVideoId}
          />
        </div>
        {problem && (
          <p className="lobby-problem" role="alert">
            {errorText(words, problem.code)}
          </p>
        )}
        <button type="submit" className="parley-button parley-primary lobby-join">
          {words.join}
        </button>
        <a className="lobby-back" href="./">
          {words.backToChat}
        </a>
      </div>
    </form>
  )
}

function PreviewVideo({ track, label }: { track: MediaStreamTrack; label: string }) {
  const show = useCallback(
    (element: HTMLVideoElement | null) => {
      if (!element) return
      element.muted = true
      element.srcObject = new MediaStream([track])
      return () => {
        element.srcObject = null
      }
    },
    [track],
  )
  return <video ref={show} className="mirrored" autoPlay playsInline muted aria-label={label} />
}

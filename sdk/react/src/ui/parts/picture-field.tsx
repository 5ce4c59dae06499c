import { useEffect, useRef, useState } from 'react'
import { Field } from '../composer/forms.tsx'
import { ImageIcon } from './icons.tsx'
import { useWords } from './ui-context.tsx'

/** A picture of somebody or something: a file to upload, or where one stands already. */
export interface ChosenPicture {
  file?: File
  address: string
}

const accepted = 'image/png,image/jpeg,image/gif,image/webp'

/** Chooses a picture from the device, or by its address; shows what was chosen. */
export function PictureField(props: { value: ChosenPicture; onChange: (value: ChosenPicture) => void }) {
  const { value, onChange } = props
  const words = useWords()
  const input = useRef<HTMLInputElement>(null)
  const preview = useFileAddress(value.file)
  return (
    <>
      <div className="parley-picture-field">
        {preview !== undefined && <img src={preview} alt={words.chosenPicture} />}
        <button type="button" className="parley-link-button" onClick={() => input.current?.click()}>
          <ImageIcon size={16} />
          {words.choosePicture}
        </button>
        <input
          ref={input}
          type="file"
          accept={accepted}
          hidden
          aria-label={words.choosePicture}
          onChange={({ target }) => {
            const [file] = target.files ?? []
            if (file) onChange({ ...value, file })
            target.value = ''
          }}
        />
      </div>
      {value.file === undefined && (
        <Field
          label={words.pictureAddress}
          value={value.address}
          placeholder="https://"
          onChange={(address) => onChange({ address })}
        />
      )}
    </>
  )
}

function useFileAddress(file: File | undefined): string | undefined {
  const [address, setAddress] = useState<string>()
  useEffect(() => {
    if (file === undefined) return setAddress(undefined)
    const made = URL.createObjectURL(file)
    setAddress(made)
    return () => URL.revokeObjectURL(made)
  }, [file])
  return address
}

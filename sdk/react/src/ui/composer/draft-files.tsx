import type { ComposerModel } from '../../chat/use-composer.ts'
import { size } from '../parts/format.ts'
import { IconButton } from '../parts/icon-button.tsx'
import { CloseIcon, FileIcon } from '../parts/icons.tsx'
import { useLocale, useWords } from '../parts/ui-context.tsx'

/** Files that leave with the next message. */
export function DraftFiles({ composer: { files, removeFile } }: { composer: ComposerModel }) {
  const words = useWords()
  const locale = useLocale()
  if (files.length === 0) return null
  return (
    <ul className="parley-drafts">
      {files.map(({ key, file, preview }) => (
        <li key={key} className="parley-draft">
          {preview ? (
            <img src={preview} alt={file.name} />
          ) : (
            <span className="parley-draft-file">
              <FileIcon size={20} />
              <span className="parley-file-text">
                <span className="parley-file-name">{file.name}</span>
                <span className="parley-file-size">{size(file.size, locale)}</span>
              </span>
            </span>
          )}
          <IconButton label={words.removeAttachment(file.name)} onClick={() => removeFile(key)}>
            <CloseIcon size={14} />
          </IconButton>
        </li>
      ))}
    </ul>
  )
}

import { useEffect, useRef, useState } from 'react'
import { useParley } from '../../parley-context.ts'

interface ChosenFile {
  key: number
  file: File
  /** Shows it before it is sent. */
  url: string
  /** Share that is sent, 0 to 1; absent before. */
  progress?: number
}

/** Pictures and films that are to go with a moment; sent when it is. */
export function useMomentFiles(most: number) {
  const { files } = useParley()
  const [chosen, setChosen] = useState<readonly ChosenFile[]>([])
  const count = useRef(0)
  const urls = useRef(new Set<string>())
  const sent = useRef(new Map<number, string>())
  useEffect(() => {
    const made = urls.current
    return () => {
      for (const url of made) URL.revokeObjectURL(url)
      made.clear()
    }
  }, [])
  const add = (more: Iterable<File>) => {
    const shown = [...more]
      .filter(({ type }) => /^(image|video)\//.test(type))
      .map((file) => {
        const url = URL.createObjectURL(file)
        urls.current.add(url)
        return { key: count.current++, file, url }
      })
    setChosen((known) => [...known, ...shown].slice(0, most))
  }
  /** Object ids in the order chosen; what was sent before a failure is not sent again. */
  const upload = () =>
    Promise.all(
      chosen.map(async ({ key, file }) => {
        const known = sent.current.get(key)
        if (known !== undefined) return known
        const objectId = await files.upload(
          { blob: file, name: file.name, contentType: file.type },
          (progress) =>
            setChosen((all) => all.map((each) => (each.key === key ? { ...each, progress } : each))),
        )
        sent.current.set(key, objectId)
        return objectId
      }),
    )
  return {
    chosen,
    add,
    remove: (key: number) => setChosen((known) => known.filter((each) => each.key !== key)),
    upload,
  }
}

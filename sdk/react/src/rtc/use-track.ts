import type { Publication } from '@parley/client'
import { useCallback } from 'react'

/** A ref for a media element: what the publication carries is shown in it, also after a reconnect. */
export function useTrack(publication: Publication | undefined) {
  return useCallback(
    (element: HTMLMediaElement | null) => {
      if (!element || !publication) return
      publication.attach(element)
      return () => publication.detach(element)
    },
    [publication],
  )
}

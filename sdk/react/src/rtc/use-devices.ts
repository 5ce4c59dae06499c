import { useEffect, useState } from 'react'
import { useParley } from '../parley-context.ts'

/** Devices of a kind. Their labels are empty until the user has allowed capturing once. */
export function useDevices(kind: MediaDeviceKind): readonly MediaDeviceInfo[] {
  const { devices } = useParley().rtc
  const [found, setFound] = useState<readonly MediaDeviceInfo[]>([])
  useEffect(() => {
    let isMounted = true
    const refresh = () => {
      devices.list(kind).then(
        (list) => {
          if (isMounted) setFound(list)
        },
        () => undefined, // Without capturing there are none.
      )
    }
    refresh()
    const stop = devices.on('changed', refresh)
    return () => {
      isMounted = false
      stop()
    }
  }, [devices, kind])
  return found
}

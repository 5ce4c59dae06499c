import { createContext, type ReactNode, useContext } from 'react'
import { type ConnectionModel, useConnectionState } from '../../chat/use-connection-state.ts'
import { ConnectionBanner } from '../connection-banner.tsx'
import { AreaContext, type AreaWays } from './area-context.ts'

/** One for all areas: that the user went offline on purpose is known to it alone. */
const ConnectionContext = createContext<ConnectionModel | undefined>(undefined)

/** The room that a messenger has, and what its parts may ask of it. */
export function Place(props: { ways: AreaWays; connection: ConnectionModel; children: ReactNode }) {
  return (
    <AreaContext value={props.ways}>
      <ConnectionContext value={props.connection}>
        <div className="parley-place">{props.children}</div>
      </ConnectionContext>
    </AreaContext>
  )
}

/** What is open in an area. `shown`: where there is room for one of them, it stands in the place of the list. */
export function AreaMain(props: { shown: boolean; className?: string; children: ReactNode }) {
  const own = useConnectionState()
  const connection = useContext(ConnectionContext) ?? own
  return (
    <div className={`parley-main ${props.className ?? ''}`} data-shown={props.shown || undefined}>
      <ConnectionBanner connection={connection} />
      {props.children}
    </div>
  )
}

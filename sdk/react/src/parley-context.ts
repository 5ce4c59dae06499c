import type { Parley } from '@parley/client'
import { createContext, createElement, type ReactNode, useContext } from 'react'

const ParleyContext = createContext<Parley | undefined>(undefined)

/** Hands a client to the hooks below. The caller owns it and closes it. */
export function ParleyProvider({ parley, children }: { parley: Parley; children: ReactNode }) {
  return createElement(ParleyContext, { value: parley }, children)
}

/** The client of the nearest `ParleyProvider`; throws where there is none. */
export function useParley(): Parley {
  const parley = useContext(ParleyContext)
  if (!parley) throw new Error('useParley needs a ParleyProvider above it')
  return parley
}

import { createRoot } from 'react-dom/client'
import '@parley/react/ui.css'
import { App } from './app.tsx'
import './styles/tokens.css'
import './styles/layout.css'

const query = new URLSearchParams(location.search)
const user = query.get('user') ?? undefined
const meeting = query.get('meeting') ?? undefined
const direction = query.get('dir') === 'rtl' ? 'rtl' : 'ltr'
const root = document.getElementById('root')
if (root) createRoot(root).render(<App user={user} meeting={meeting} direction={direction} />)

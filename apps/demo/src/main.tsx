import { createRoot } from 'react-dom/client'
import { App } from './app.tsx'
import './styles/tokens.css'
import './styles/base.css'
import './styles/layout.css'
import './styles/thread.css'
import './styles/composer.css'
import './styles/dialogs.css'

const query = new URLSearchParams(location.search)
const user = query.get('user') ?? undefined
const meeting = query.get('meeting') ?? undefined
const root = document.getElementById('root')
if (root) createRoot(root).render(<App user={user} meeting={meeting} />)

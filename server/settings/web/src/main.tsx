import '@mantine/core/styles.css'
import './style.css'
import { createRoot } from 'react-dom/client'
import { App } from './app.tsx'

createRoot(document.getElementById('page') as HTMLElement).render(<App />)

/**
 * Loaded before the server's own code. When the demo that started it is gone, however that died, the server stops the way
 * SIGTERM stops it, and the demo's temporary folder goes with it. A signal that comes before the server listens for signals is
 * kept until it does, so that no PostgreSQL is left behind.
 */
import { rmSync } from 'node:fs'

const parent = Number(process.env.DEMO_PID)
const watch = setInterval(() => {
  if (process.ppid === parent) return
  clearInterval(watch)
  process.on('exit', () => rmSync(process.env.DEMO_FOLDER as string, { recursive: true, force: true }))
  process.kill(process.pid, 'SIGTERM')
}, 500)
watch.unref()

for (const signal of ['SIGTERM', 'SIGINT'] as const) {
  process.on(signal, () => {
    const theServerListens = process.listenerCount(signal) > 1
    if (!theServerListens) setTimeout(() => process.kill(process.pid, signal), 100)
  })
}

import { parseArgs } from 'node:util'

/**
 * Options of a simulator that runs as a process of its own: `--port`, `--clock-offset-ms`, `--with-parent`, and `--options` with further
 * options of its start function as JSON.
 */
export function readOptions(): Record<string, unknown> & { port: number; clock: () => number; withParent: boolean } {
  const { values } = parseArgs({
    options: {
      port: { type: 'string', default: '0' },
      'clock-offset-ms': { type: 'string', default: '0' },
      options: { type: 'string', default: '{}' },
      'with-parent': { type: 'boolean', default: false },
    },
  })
  const offset = Number(values['clock-offset-ms'])
  return { ...JSON.parse(values.options), port: Number(values.port), clock: () => Date.now() + offset, withParent: values['with-parent'] }
}

/**
 * Tells the starter where the simulator listens, in one JSON line. Ends on SIGTERM and SIGINT, and with `--with-parent` also
 * when the process that started it is gone, however that died.
 */
export function announce(simulator: { port: number; url: string; close(): Promise<void> }, withParent: boolean): void {
  process.stdout.write(`${JSON.stringify({ port: simulator.port, url: simulator.url, pid: process.pid })}\n`)
  const stop = () => void simulator.close().then(() => process.exit(0))
  process.once('SIGTERM', stop)
  process.once('SIGINT', stop)
  const parent = process.ppid
  if (withParent) setInterval(() => process.ppid !== parent && stop(), 500).unref()
}

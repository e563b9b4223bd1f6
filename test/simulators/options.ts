import { parseArgs } from 'node:util'

/**
 * Options of a simulator that runs as a process of its own: `--port`, `--clock-offset-ms`, and `--options` with further
 * options of its start function as JSON.
 */
export function readOptions(): Record<string, unknown> & { port: number; clock: () => number } {
  const { values } = parseArgs({
    options: {
      port: { type: 'string', default: '0' },
      'clock-offset-ms': { type: 'string', default: '0' },
      options: { type: 'string', default: '{}' },
    },
  })
  const offset = Number(values['clock-offset-ms'])
  return { ...JSON.parse(values.options), port: Number(values.port), clock: () => Date.now() + offset }
}

/** Tells the starter where the simulator listens, in one JSON line, and ends with the process that started it. */
export function announce(simulator: { port: number; url: string; close(): Promise<void> }): void {
  process.stdout.write(`${JSON.stringify({ port: simulator.port, url: simulator.url, pid: process.pid })}\n`)
  const stop = () => void simulator.close().then(() => process.exit(0))
  process.once('SIGTERM', stop)
  process.once('SIGINT', stop)
}

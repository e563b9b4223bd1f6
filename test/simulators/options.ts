import { parseArgs } from 'node:util'

/**
 * Options of a simulator that runs as a process of its own: `--port`, `--clock-offset-ms`, `--parent PID`, and `--options` with further
 * options of its start function as JSON.
 */
export function readOptions(): Record<string, unknown> & { port: number; clock: () => number; parent: number | undefined } {
  const { values } = parseArgs({
    options: {
      port: { type: 'string', default: '0' },
      'clock-offset-ms': { type: 'string', default: '0' },
      options: { type: 'string', default: '{}' },
      parent: { type: 'string' },
    },
  })
  const offset = Number(values['clock-offset-ms'])
  return {
    ...JSON.parse(values.options),
    port: Number(values.port),
    clock: () => Date.now() + offset,
    parent: values.parent === undefined ? undefined : Number(values.parent),
  }
}

/**
 * Tells the starter where the simulator listens, in one JSON line. Ends on SIGTERM and SIGINT, and with `--parent` also
 * when the process that started it is gone, however that died.
 */
export function announce(simulator: { port: number; url: string; close(): Promise<void> }, parent: number | undefined): void {
  process.stdout.write(`${JSON.stringify({ port: simulator.port, url: simulator.url, pid: process.pid })}\n`)
  const stop = () => void simulator.close().then(() => process.exit(0))
  process.once('SIGTERM', stop)
  process.once('SIGINT', stop)
  if (parent !== undefined) setInterval(() => process.ppid !== parent && stop(), 500).unref()
}

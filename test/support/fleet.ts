/** The server as it is run, to be killed at any time: one process, or one of each role where they share a Redis. */
import type { Test } from 'tap'
import type { TestApp } from './app.ts'
import { sharedRedis } from './mode.ts'
import { type ServerProcess, serverProcess } from './server-process.ts'

export interface Fleet {
  /** Where requests go. */
  url: string
  /** Starts what does not run, and resolves when all is ready. */
  start(): Promise<void>
  /** Kills the process; of several, one or all, as `random` has it. */
  kill(): Promise<void>
  complaints(): string[]
}

export async function createFleet(
  t: Test,
  it: TestApp,
  random: () => number,
  env: (url: string) => Record<string, string> = () => ({}),
): Promise<Fleet> {
  const make = (role: string) => serverProcess(t, it, (url) => ({ ...env(url), ROLE: role }))
  const roles = sharedRedis(it.databaseUrl) === undefined ? ['all'] : ['web', 'worker']
  const processes = await Promise.all(roles.map(make))
  const dead = new Set<ServerProcess>(processes)
  return {
    url: (processes[0] as ServerProcess).url,
    async start() {
      await Promise.all([...dead].map((one) => one.start()))
      dead.clear()
    },
    async kill() {
      const chosen = processes[Math.floor(random() * (processes.length + 1))]
      const victims = processes.length === 1 || chosen === undefined ? processes : [chosen]
      await Promise.all(victims.map((one) => one.kill()))
      for (const victim of victims) dead.add(victim)
    },
    complaints: () => processes.flatMap((one) => one.complaints()),
  }
}

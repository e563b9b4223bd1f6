/** Processes of both roles that share their work, with one address before those that take requests. */
import { type Balancer, startBalancer } from './balancer.ts'
import { createServerProcess, type ServerProcess } from './server-process.ts'

export interface Many {
  /** Where requests go. */
  url: string
  webs: ServerProcess[]
  workers: ServerProcess[]
  /** Tells all to end, and resolves when they have. */
  stop(): Promise<void>
}

export interface ManyOptions {
  /** What every process is told beside its role and its port. */
  env: Record<string, string>
  webs?: number
  workers?: number
  /** Where the balancer listens; default: a free port. */
  port?: number
}

/** Starts them, and resolves when all are ready. */
export async function startMany({ env, webs = 2, workers = 2, port }: ManyOptions): Promise<Many> {
  const make = (role: string, count: number) =>
    Promise.all(Array.from({ length: count }, () => createServerProcess(() => ({ ...env, ROLE: role }))))
  const [web, worker] = await Promise.all([make('web', webs), make('worker', workers)])
  const all = [...web, ...worker]
  let balancer: Balancer | undefined
  const stop = async () => {
    await balancer?.close()
    await Promise.all(all.map((one) => one.stop()))
  }
  try {
    await Promise.all(all.map((one) => one.start()))
    balancer = await startBalancer(
      web.map(({ url }) => Number(new URL(url).port)),
      port,
    )
    return { url: balancer.url, webs: web, workers: worker, stop }
  } catch (error) {
    await stop()
    throw error
  }
}

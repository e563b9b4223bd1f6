/** Everything that runs during the demo, in a temporary folder that goes with it. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { findEmbedded } from '../../server/database/embedded.ts'
import { type Database, openDatabase } from '../../server/database/pool.ts'
import { createLog } from '../../server/log.ts'
import { type Child, startChild } from '../simulators/child.ts'
import { type ServerProcess, startServer } from './server-process.ts'
import type { Source } from './source.ts'

export interface Dataset {
  id: string
  token: string
}
export interface Stack {
  folder: string
  dataset: Dataset
  sources: Source[]
  meta: Child
  server: ServerProcess
  db: Database
  /** Ends all processes and removes the folder. May be called at any time, and twice. */
  stop(): Promise<void>
}

const dataset: Dataset = { id: '700000000000001', token: 'EAAdemo00000000000000000000000000' }

/**
 * Starts stand-ins and server, one after the other. What has been started is stopped again when a later part fails.
 *
 * @param startSources one function for each source
 * @param hold gets the way to stop as soon as there is something to stop
 */
export async function startStack(
  startSources: ((meta: Child) => Promise<Source>)[],
  hold: (stop: () => Promise<void>) => void,
): Promise<Stack> {
  const closing: (() => Promise<unknown>)[] = []
  let stopping: Promise<void> | undefined
  const stop = () => {
    stopping ??= (async () => {
      for (const close of closing.reverse()) await close()
    })()
    return stopping
  }
  /** What comes up after the stop goes at once. */
  const own = async (close: () => Promise<unknown>) => {
    if (stopping === undefined) return closing.push(close)
    await close()
    throw new Error('stopped while starting')
  }
  hold(stop)

  const meta = await startChild('meta', { datasets: [{ id: dataset.id, tokens: [dataset.token] }] })
  await own(meta.close)
  const sources: Source[] = []
  for (const start of startSources) {
    const source = await start(meta)
    await own(source.close)
    sources.push(source)
  }
  const folder = await mkdtemp(join(tmpdir(), 'leadstage-demo-'))
  await own(() => rm(folder, { recursive: true, force: true }))
  const server = await startServer(folder, { META_GRAPH_URL: meta.url, ...Object.assign({}, ...sources.map(({ env }) => env)) })
  await own(server.stop)
  await server.ready()
  for (const source of sources) await source.connect(server.url)
  const embedded = await findEmbedded(server.env.DATA_DIR as string)
  if (embedded === undefined) throw new Error('the PostgreSQL of the server cannot be found')
  const db = openDatabase({ url: embedded.url, log: createLog({ level: 'silent' }), max: 2 })
  await own(() => db.destroy())
  return { folder, dataset, sources, meta, server, db, stop }
}

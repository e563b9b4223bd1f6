/** The PostgreSQL that all tests of this checkout share. Durability is off: its data dies with it. */
import { createHash } from 'node:crypto'
import { rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { type Embedded, startEmbedded } from '../../server/database/embedded.ts'
import { createLog } from '../../server/log.ts'

const checkout = resolve(import.meta.dirname, '../..')

export const testDataDir = join(
  tmpdir(),
  `leadstage-test-${process.getuid?.() ?? 0}-${createHash('sha256').update(checkout).digest('hex').slice(0, 8)}`,
)

const log = createLog({ level: 'silent' })

/** Connections for all whose tests run at once: each app and each process has a pool of its own. */
const settings = { fsync: 'off', full_page_writes: 'off', max_connections: '500', autovacuum_naptime: '10s' }

/** Starts the server, or adopts the one that runs. One that cannot start (its machine went down) is made anew. */
export async function testServer(): Promise<Embedded> {
  try {
    return await startEmbedded({ dataDir: testDataDir, log, settings })
  } catch {
    await rm(testDataDir, { recursive: true, force: true })
    return startEmbedded({ dataDir: testDataDir, log, settings })
  }
}

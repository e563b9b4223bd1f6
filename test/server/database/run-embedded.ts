/** A process that uses the embedded PostgreSQL of a folder: says how it got it, and stops when its input ends. */
import { startEmbedded } from '../../../server/database/embedded.ts'
import { createLog } from '../../../server/log.ts'

const server = await startEmbedded({ dataDir: process.argv[2] as string, log: createLog({ level: 'silent' }) })
process.stdout.write(`${JSON.stringify({ adopted: server.adopted, url: server.url })}\n`)
process.stdin.on('end', () => server.stop()).resume()

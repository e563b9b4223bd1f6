import type { Command } from 'commander'
import { CodedError } from '../../connectors/errors.ts'
import { type Config, readConfig } from '../config.ts'
import { createHttp } from '../connections/http.ts'
import { clusterFiles, readPassword } from '../database/cluster.ts'
import { environment } from '../environment.ts'
import type { Log } from '../log.ts'
import { type Check, checkDatabase, checkEncryption } from './check-database.ts'
import { checkFolder, checkPublicUrl } from './check-machine.ts'
import { checkNotices } from './check-notices.ts'
import { checkRedis } from './check-redis.ts'
import { checkServices } from './check-services.ts'
import { checkWork } from './check-work.ts'
import { examples } from './example.ts'
import { oneLine, print } from './output.ts'
import { appliedMigrations, commandLog, withDatabase } from './tools.ts'

/** `doctor`. */
export function addDoctorCommand(program: Command): void {
  program
    .command('doctor')
    .description('check configuration, database, Redis, keys, clock and the way to the CRMs and Meta, and say what to do')
    .option('--json', 'print JSON')
    .addHelpText('after', examples('doctor'))
    .action(async ({ json }: { json?: boolean }) => {
      const checks = await examine(commandLog())
      print(json, checks, () => checks.map(({ status, name, text }) => `${status.padEnd(7)}  ${name}: ${oneLine(text)}`).join('\n'))
      if (checks.some(({ status }) => status === 'problem')) process.exitCode = 1
    })
}

async function examine(log: Log): Promise<Check[]> {
  let config: Config
  try {
    config = readConfig(environment())
  } catch (error) {
    if (!(error instanceof CodedError)) throw error
    const [, ...problems] = error.userText.split(/\n\s*/)
    return problems.map((text) => ({ name: 'configuration', status: 'problem', text }))
  }
  const crms = Object.keys(config.crm)
  const configured: Check =
    crms.length > 0
      ? { name: 'configuration', status: 'ok', text: `valid, with the credentials of ${crms.join(', ')}` }
      : { name: 'configuration', status: 'warning', text: 'no CRM has credentials; set those of your app (HUBSPOT_APP_ID, …)' }
  const [folder, services, database, redis] = await Promise.all([
    checkFolder(config),
    examineServices(config),
    examineDatabase(config, log),
    checkRedis(config),
  ])
  return [configured, checkPublicUrl(config.publicUrl), ...folder, ...database, ...redis, ...services]
}

async function examineServices(config: Config): Promise<Check[]> {
  const { http, close } = createHttp({ timeoutMs: 5_000 })
  try {
    return await checkServices(config, http)
  } finally {
    await close()
  }
}

/** Looks only: makes no database and changes none. */
async function examineDatabase(config: Config, log: Log): Promise<Check[]> {
  try {
    if (config.databaseUrl === undefined && (await readPassword(clusterFiles(config.dataDir))) === undefined) {
      return [{ name: 'database', status: 'warning', text: `there is none in ${config.dataDir} yet; the first start (npm start) makes it` }]
    }
    return await withDatabase(config, log, async (db) => {
      const applied = await appliedMigrations(db)
      const checks = await checkDatabase(db, applied)
      if (applied.length === 0 || checks.some(({ status }) => status === 'problem')) return checks
      return [...checks, ...(await checkEncryption(config, db)), ...(await checkWork(db)), ...(await checkNotices(config, db))]
    })
  } catch (error) {
    const text = error instanceof CodedError ? error.userText : (error as Error).message
    return [
      {
        name: 'database',
        status: 'problem',
        text: config.databaseUrl === undefined ? text : `${text} Check DATABASE_URL and that PostgreSQL runs.`,
      },
    ]
  }
}

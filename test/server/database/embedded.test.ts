import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { appendFile, chmod, cp, mkdir, mkdtemp, readdir, readFile, rm, stat, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import pg from 'pg'
import t, { type Test } from 'tap'
import { serverAccount } from '../../../server/database/account.ts'
import { packagedPostgres, runnablePostgres } from '../../../server/database/binaries.ts'
import { findEmbedded, startEmbedded } from '../../../server/database/embedded.ts'
import { createLog } from '../../../server/log.ts'
import { until } from '../../support/app.ts'

const log = createLog({ level: 'silent' })

/** A folder that only we may enter: as root, PostgreSQL's account cannot reach what is inside by name. */
async function privateFolder(t: Test): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'embedded-'))
  t.teardown(async () => {
    const left = await findEmbedded(folder)
    if (left !== undefined) await (await startEmbedded({ dataDir: folder, log })).stop()
    await rm(folder, { recursive: true, force: true })
  })
  return folder
}

async function ask<Row extends pg.QueryResultRow>(url: string, sql: string): Promise<Row[]> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    return (await client.query<Row>(sql)).rows
  } finally {
    await client.end()
  }
}

/** Starts the server from a process of its own. */
async function startElsewhere(t: Test, dataDir: string): Promise<{ child: ChildProcess; adopted: boolean; url: string }> {
  const child = spawn(process.execPath, [join(import.meta.dirname, 'run-embedded.ts'), dataDir], { stdio: ['pipe', 'pipe', 'inherit'] })
  t.teardown(() => child.kill('SIGKILL'))
  const [line] = (await once(createInterface(child.stdout as NodeJS.ReadableStream), 'line')) as [string]
  return { child, ...(JSON.parse(line) as { adopted: boolean; url: string }) }
}

function pidFile(dataDir: string): string {
  return join(dataDir, 'postgres/cluster/postmaster.pid')
}

t.test('a first start makes a private database, and a second one keeps its data', async (t) => {
  const dataDir = join(await privateFolder(t), 'data')
  const first = await startEmbedded({ dataDir, log })
  t.equal(first.adopted, false)
  t.equal((await stat(join(dataDir, 'postgres/access.json'))).mode & 0o777, 0o600)
  const [settings] = await ask(
    first.url,
    `select current_setting('server_encoding') as encoding, current_setting('timezone') as zone, current_setting('synchronous_commit') as sync,
       current_setting('listen_addresses') as address, current_setting('unix_socket_directories') as sockets, datlocprovider as provider
     from pg_database where datname = current_database()`,
  )
  t.same(settings, { encoding: 'UTF8', zone: 'UTC', sync: 'on', address: '127.0.0.1', sockets: '', provider: 'b' })
  await ask(first.url, 'create table kept as select 42 as answer')
  await first.stop()
  t.equal(await findEmbedded(dataDir), undefined)

  const second = await startEmbedded({ dataDir, log })
  t.equal(second.adopted, false)
  t.same(await ask(second.url, 'select answer from kept'), [{ answer: 42 }])
  await second.stop()
})

t.test('a wrong password is refused', async (t) => {
  const dataDir = await privateFolder(t)
  const server = await startEmbedded({ dataDir, log })
  const url = new URL(server.url)
  url.password = 'guess'
  await t.rejects(ask(url.href, 'select'), { code: '28P01' })
  await server.stop()
})

t.test('a server left behind by a killed process is adopted, with everything that was committed', async (t) => {
  const dataDir = await privateFolder(t)
  const killed = await startElsewhere(t, dataDir)
  t.equal(killed.adopted, false)
  await ask(killed.url, 'create table kept as select 42 as answer')
  killed.child.kill('SIGKILL')
  await once(killed.child, 'exit')
  t.same(await findEmbedded(dataDir), { url: killed.url })

  const next = await startEmbedded({ dataDir, log })
  t.match(next, { adopted: true, url: killed.url })
  t.same(await ask(next.url, 'select answer from kept'), [{ answer: 42 }])
  await next.stop()
  t.equal(await findEmbedded(dataDir), undefined, 'whoever adopted it stops it')
})

t.test('processes that start at once share one server, and the last to leave stops it', async (t) => {
  const dataDir = await privateFolder(t)
  const all = await Promise.all([startElsewhere(t, dataDir), startElsewhere(t, dataDir), startElsewhere(t, dataDir)])
  t.equal(new Set(all.map(({ url }) => url)).size, 1)
  t.same(all.map(({ adopted }) => adopted).sort(), [false, true, true])
  t.same(await readdir(dataDir), ['postgres'], 'nothing is left of the others’ attempts')

  const starter = all.find(({ adopted }) => !adopted)
  const [last, ...others] = [...all].sort((a, b) => Number(a === starter) - Number(b === starter)) as [(typeof all)[0], ...typeof all]
  for (const { child } of others) {
    child.stdin?.end()
    await once(child, 'exit')
  }
  t.same(await ask(last.url, 'select 1 as alive'), [{ alive: 1 }], 'the server outlives the process that started it')
  last.child.stdin?.end()
  await once(last.child, 'exit')
  t.equal(await findEmbedded(dataDir), undefined)
})

t.test('a left-over postmaster.pid does not matter, even when its PID belongs to another program by now', async (t) => {
  const dataDir = await privateFolder(t)
  await (await startEmbedded({ dataDir, log })).stop()
  const account = await serverAccount(join(dataDir, 'postgres/cluster'))
  // PostgreSQL refuses to start over the PID of a living process of its own account.
  const stranger = spawn('sleep', ['600'], { ...account, cwd: '/' })
  t.teardown(() => stranger.kill())
  for (const pid of [stranger.pid, 999_999_999, 'nonsense']) {
    const lines = [pid, join(dataDir, 'postgres/cluster'), 1, 1, '', '127.0.0.1', '1 1', 'ready   ', '']
    await writeFile(pidFile(dataDir), lines.join('\n'))
    const server = await startEmbedded({ dataDir, log })
    t.equal(server.adopted, false)
    t.same(await ask(server.url, 'select 1 as alive'), [{ alive: 1 }])
    await server.stop()
  }
})

t.test('a server killed outright recovers at the next start', async (t) => {
  const dataDir = await privateFolder(t)
  const before = await startEmbedded({ dataDir, log })
  await ask(before.url, 'create table kept as select 42 as answer')
  process.kill(Number((await readFile(pidFile(dataDir), 'utf8')).split('\n')[0]), 'SIGKILL')
  // Whoever is first brings it back, who used it or who comes.
  const after = await startEmbedded({ dataDir, log })
  t.same(await ask(after.url, 'select answer from kept'), [{ answer: 42 }])
  await before.stop()
  t.not(await findEmbedded(dataDir), undefined, 'who leaves does not stop it for others')
  await after.stop()
})

t.test('a start that fails says why in PostgreSQL’s own words', async (t) => {
  const dataDir = await privateFolder(t)
  await t.rejects(startEmbedded({ dataDir, log, settings: { shared_buffers: 'plenty' } }), {
    code: 'database_start_failed',
    userText: /invalid value for parameter "shared_buffers"/,
  })
  await writeFile(join(dataDir, 'postgres/cluster/PG_VERSION'), '9\n')
  await t.rejects(startEmbedded({ dataDir, log }), {
    code: 'database_start_failed',
    userText: /initialized by PostgreSQL version 9[\s\S]*brought PostgreSQL 9, `database save` there, and `database load` here/,
  })
})

t.test('a folder that was copied while nothing ran is a whole back-up', async (t) => {
  const [dataDir, elsewhere] = [await privateFolder(t), await privateFolder(t)]
  const server = await startEmbedded({ dataDir, log })
  await ask(server.url, 'create table kept as select 42 as answer')
  await server.stop()
  const cp = spawn('cp', ['-a', `${dataDir}/.`, elsewhere])
  t.same(await once(cp, 'exit'), [0, null])
  const copy = await startEmbedded({ dataDir: elsewhere, log })
  t.same(await ask(copy.url, 'select answer from kept'), [{ answer: 42 }])
  await copy.stop()
})

t.test('a folder that holds something else is not touched', async (t) => {
  const dataDir = await privateFolder(t)
  await mkdir(join(dataDir, 'postgres'))
  await writeFile(join(dataDir, 'postgres/diary.txt'), 'mine')
  await t.rejects(startEmbedded({ dataDir, log }), { code: 'database_start_failed', userText: /holds no database of ours/ })
  t.same(await readdir(join(dataDir, 'postgres')), ['diary.txt'])
})

t.test('what a first start left behind when it was killed is removed later', async (t) => {
  const dataDir = await privateFolder(t)
  await mkdir(join(dataDir, 'postgres.new-old'))
  await utimes(join(dataDir, 'postgres.new-old'), 0, 0)
  await mkdir(join(dataDir, 'postgres.new-young'))
  const server = await startEmbedded({ dataDir, log })
  t.same((await readdir(dataDir)).sort(), ['postgres', 'postgres.new-young'])
  await server.stop()
})

t.test('programs in a folder that the account cannot enter are run from a copy', async (t) => {
  const project = await privateFolder(t)
  const native = join(project, 'package/native')
  await cp(packagedPostgres(), native, { recursive: true, verbatimSymlinks: true })
  await cp(join(packagedPostgres(), '../package.json'), join(project, 'package/package.json'))
  const account = await serverAccount(join(project, 'none'))
  if (account === undefined) {
    t.equal(await runnablePostgres(native, account), native, 'without root there is no other account')
    return
  }
  const cache = await privateFolder(t)
  await chmod(cache, 0o755)
  const [copy, same] = await Promise.all([runnablePostgres(native, account, cache), runnablePostgres(native, account, cache)])
  t.ok(copy.startsWith(cache))
  t.equal(same, copy, 'two starts at once make one copy')
  t.equal((await readdir(cache)).length, 1)
  await t.rejects(runnablePostgres(native, account, join(project, 'cache')), {
    code: 'database_not_available',
    userText: /Move the project/,
  })
})

/** What the first line of `postmaster.pid` says. */
const serverPid = async (dataDir: string) => Number((await readFile(pidFile(dataDir), 'utf8').catch(() => '')).split('\n')[0])
const answers = (url: string) =>
  ask(url, 'select').then(
    () => true,
    () => false,
  )
const users = (url: string) => ask(url, "select from pg_locks where locktype = 'advisory' and mode = 'ShareLock' and granted")

t.test('a server that dies while it is used is started again under its address, by whoever notices first', async (t) => {
  const dataDir = await privateFolder(t)
  const ours = await startEmbedded({ dataDir, log, onLost: (error) => t.fail(error.userText) })
  const theirs = await startElsewhere(t, dataDir)
  await ask(ours.url, 'create table kept as select 42 as answer')
  for (let deaths = 0; deaths < 2; deaths++) {
    const dead = await serverPid(dataDir)
    process.kill(dead, 'SIGKILL')
    await until(async () => ![0, dead].includes(await serverPid(dataDir)) && (await answers(ours.url)), 60_000)
  }
  t.same(await ask(ours.url, 'select answer from kept'), [{ answer: 42 }])
  await until(async () => (await users(ours.url)).length === 2, 60_000)
  theirs.child.stdin?.end()
  await once(theirs.child, 'exit')
  t.ok(await answers(ours.url), 'it stays up for those who use it')
  await ours.stop()
  t.equal(await findEmbedded(dataDir), undefined)
})

t.test('who loses the connection to a living server is counted among its users again', async (t) => {
  const dataDir = await privateFolder(t)
  const server = await startEmbedded({ dataDir, log })
  await ask(server.url, "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'leadstage keeper'")
  await until(async () => (await users(server.url)).length === 1, 60_000)
  await server.stop()
})

t.test('one that cannot be started again is told to be lost, with its own words', async (t) => {
  const dataDir = await privateFolder(t)
  const lost = new Promise<string>((told) => {
    startEmbedded({ dataDir, log, onLost: ({ userText }) => told(userText) }).then(async () => {
      await appendFile(join(dataDir, 'postgres/cluster/postgresql.conf'), 'no_such_setting = 1\n')
      process.kill(await serverPid(dataDir), 'SIGKILL')
    })
  })
  t.match(await lost, /no_such_setting/)
})

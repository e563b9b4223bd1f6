/** The requests that an account gives to all software together: told when few are left, kept off when none is. */
import t, { type Test } from 'tap'
import type { CrmRequest, HttpPort } from '../../../connectors/connector.ts'
import { watchAllocation } from '../../../server/connections/allocation.ts'
import { createCrmClient } from '../../../server/connections/client.ts'
import { until } from '../../support/app.ts'
import { lineConnector } from '../../support/line-stream.ts'
import { setUp } from './set-up.ts'

const LIMIT = 1_000
const READ: CrmRequest = { method: 'GET', url: '/records' }
const connector = lineConnector('lines', {
  allocation: ({ headers }) => (headers['x-used'] === undefined ? undefined : { used: Number(headers['x-used']), limit: LIMIT }),
})

async function account(t: Test) {
  const { db, log, now, workspaceId, connectionId, passMinutes, notices } = await setUp(t)
  let used = 0
  let requests = 0
  const http: HttpPort = async () => {
    requests += 1
    return { status: 200, headers: { 'x-used': String(used) }, text: '{}' }
  }
  /** A process. */
  const process = () => {
    const allocation = watchAllocation({ db, workspaceId, connectionId, connector, log, now })
    const access = { token: 'token', apiUrl: 'https://org.example.com' }
    const accessToken = { current: async () => access, instead: async () => undefined }
    return createCrmClient({ connectionId, connector, accessToken, allocation, http, log })
  }
  const open = async () => (await notices()).filter(({ closed_at }) => closed_at === null).map(({ code }) => code)
  return {
    ...{ process, passMinutes, notices },
    use(count: number) {
      used = count
    },
    requests: () => requests,
    told: (...codes: string[]) => until(async () => (await open()).join() === codes.join()),
  }
}

t.test('the customer is told when a fifth is left, once, and that it is over', async (t) => {
  const it = await account(t)
  const client = it.process()
  it.use(799)
  await client.request(READ)
  it.use(800)
  for (let n = 0; n < 3; n++) await client.request(READ)
  await it.told('allocation_low')
  t.match(await it.notices(), [{ text: /800 of the 1000 API requests/ }])
  it.use(100)
  await client.request(READ)
  await it.told()
  t.equal((await it.notices()).length, 1)
})

t.test('with none left nothing is asked, but for one request now and then to see whether there is some', async (t) => {
  const it = await account(t)
  const client = it.process()
  it.use(LIMIT)
  await client.request(READ)
  await it.told('allocation_used_up')
  await t.rejects(client.request(READ), { code: 'allocation_used_up', scope: 'connection', retry: { afterMs: Number } })
  t.equal(it.requests(), 1)
  it.passMinutes(6)
  const tries = await Promise.allSettled(Array.from({ length: 5 }, () => client.request(READ)))
  t.equal(tries.filter(({ status }) => status === 'fulfilled').length, 1)
  t.equal(it.requests(), 2)
  it.passMinutes(6)
  it.use(LIMIT / 2)
  await client.request(READ)
  for (let n = 0; n < 5; n++) await client.request(READ)
  t.equal(it.requests(), 8)
  await it.told()
})

t.test('what an earlier process told is taken back by the next', async (t) => {
  const it = await account(t)
  it.use(LIMIT)
  await it.process().request(READ)
  await it.told('allocation_used_up')
  it.use(0)
  await it.process().request(READ)
  await it.told()
  t.equal((await it.notices()).length, 1)
})

/** An org by the command line: where it signs in, that a sandbox sends nothing, and how its stream stands. */
import t from 'tap'
import { DATASET, testApp, until } from '../../support/app.ts'
import { addOrg, followed, salesforceEnv } from '../../support/salesforce.ts'
import { envOf, run } from './run.ts'

t.test('a sandbox is connected at its own address; its routes begin in shadow mode', async (t) => {
  const it = await testApp(t, { launch: false, salesforce: {} })
  const server = await it.another()
  const { orgId, refreshToken } = it.salesforce.addOrg({ sandbox: true })
  const env = { ...envOf({ databaseUrl: it.databaseUrl, meta: it.meta }), ...salesforceEnv(it.salesforce) }
  const command = (line: string, input = '') => run(line.split(' '), { env, input })
  const workspace = `--workspace ${it.workspaceId}`

  t.match(await command(`connection add salesforce ${workspace} --host salesforce.example.com`, refreshToken), {
    code: 1,
    stderr: /no sign-in address of Salesforce/,
  })
  t.match(await command(`connection add hubspot ${workspace} --host sandbox`, 'token'), {
    code: 1,
    stderr: /sign in at one place|no credentials/,
  })
  t.match(await command(`connection add webhook ${workspace} --host sandbox`), { code: 1, stderr: /--host is not for webhook/ })
  const added = await command(`connection add salesforce ${workspace} --host ${it.salesforce.url}`, refreshToken)
  t.match(added, { code: 0, stderr: '', stdout: /It is a sandbox: its routes begin in shadow mode/ })
  const id = /Connection (\d+)/.exec(added.stdout)?.[1]
  // Changes are kept from this moment on, route or not.
  await followed(it, orgId)
  t.match(await command(`route set --connection ${id} --dataset ${DATASET}`), { code: 0, stdout: /\(shadow\).*sandbox.*--live/ })
  t.match(await command(`connection show ${id}`), { code: 0, stdout: /sandbox: +yes/ })

  it.salesforce.insert({ orgId, object: 'Lead', records: [{ LastName: 'Doe', Company: 'Acme', Meta_Lead_ID__c: '123456789012345' }] })
  await until(async () => (await it.db.selectFrom('ledger').select('reason').where('reason', '=', 'route_shadow').execute()).length > 0)
  t.strictSame(it.meta.events(), [])
  await until(async () => /on a stream, open since .*; last one \d/.test((await command(`connection show ${id}`)).stdout))
  t.match((await command('doctor')).stdout, /ok +streams: 1 open/)

  await server.stop()
  t.match((await command(`connection show ${id}`)).stdout, /nobody follows its stream now; is the server running\?/)
  t.match((await command('doctor')).stdout, new RegExp(`warning +stream ${id}: nobody follows`))
  t.match(await command(`route set --connection ${id} --dataset ${DATASET} --live`), { code: 0, stdout: /\(live\)/ })
})

t.test('before an org is left, the ids that its package takes along can be exported', async (t) => {
  const it = await testApp(t, { launch: false, salesforce: {} })
  const { connectionId } = await addOrg(it, { dataset: '700000000000602', token: 'EAAleavingtoken00000000000000602' })
  const records = ['90071992547409931', '=cmd'].map((id) => ({ LastName: 'Doe', Company: 'Acme', Meta_Lead_ID__c: id }))
  const { ids } = it.salesforce.insert({ object: 'Lead', records })
  const env = { ...envOf({ databaseUrl: it.databaseUrl, meta: it.meta }), ...salesforceEnv(it.salesforce) }
  const command = (line: string) => run(line.split(' '), { env })

  t.match(await command(`connection remove ${connectionId}`), {
    code: 1,
    stderr: new RegExp(`deletes the fields it brought.*lead-id-field export ${connectionId}.*--yes`),
  })
  t.match(await command(`lead-id-field export ${connectionId}`), {
    code: 0,
    stdout: `\uFEFFrecord_type,record_id,meta_lead_id\r\nlead,${ids[0]},l:90071992547409931\r\nlead,${ids[1]},'=cmd\r\n`,
    stderr: '2 records hold a Meta lead id.\n',
  })
  t.match(await command(`connection remove ${connectionId} --yes`), { code: 0, stdout: /is removed/ })
  t.match(await command(`lead-id-field export ${connectionId}`), { code: 1, stderr: /was removed/ })
})

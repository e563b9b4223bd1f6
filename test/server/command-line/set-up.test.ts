import t from 'tap'
import { openDatabase } from '../../../server/database/pool.ts'
import { createLog } from '../../../server/log.ts'
import { startHubSpot } from '../../simulators/hubspot/start-hubspot.ts'
import { startMeta } from '../../simulators/meta/start-meta.ts'
import { testDatabaseUrl } from '../../support/database.ts'
import { findTraces } from '../../support/look.ts'
import { envOf, run } from './run.ts'

const DATASET = '700000000000001'
const TOKEN = 'EAAsetuptoken0000000000000001'
const REFRESH = 'refresh-token-of-3003003'

t.test('an empty database, an account and a dataset become a working route, command by command', async (t) => {
  const databaseUrl = await testDatabaseUrl(t, { migrated: false })
  const hubspot = await startHubSpot({ limits: false, portals: [{ portalId: 3003003, refreshToken: REFRESH }] })
  const meta = await startMeta({ datasets: [{ id: DATASET, name: 'Acme leads', tokens: [TOKEN] }] })
  t.teardown(() => Promise.all([hubspot.close(), meta.close()]))
  const env = envOf({ databaseUrl, hubspot, meta })
  const outputs: string[] = []
  const command = async (line: string, input = '') => {
    const ran = await run(line.split(' '), { env, input })
    outputs.push(ran.stdout, ran.stderr)
    return ran
  }
  const works = async (line: string, input = '') => {
    const ran = await command(line, input)
    t.same([ran.code, ran.stderr], [0, ''], line)
    return ran.stdout
  }
  const json = async (line: string, input = '') => JSON.parse(await works(`${line} --json`, input))
  const fails = async (line: string, words: RegExp, input = '') => {
    const ran = await command(line, input)
    t.equal(ran.code, 1, line)
    t.match(ran.stderr, words)
    t.equal(ran.stderr.trimEnd().split('\n').length, 1, 'one line says what is wrong')
    t.equal(ran.stdout, '')
  }

  t.match(await json('workspace add Acme'), { id: 1, name: 'Acme' })
  await fails('workspace add Acme', /There is a workspace "Acme" already/)

  await fails('connection add hubspot --workspace Acme', /withdrawn the permission/, 'not-a-token')
  await fails('connection add hubspot --workspace Acme', /LEADSTAGE_REFRESH_TOKEN/)
  await fails('connection add hubspot --workspace Nobody', /no workspace "Nobody"/, REFRESH)
  await fails('connection add pipedream --workspace Acme', /no connector for this CRM/, REFRESH)
  const added = await json('connection add hubspot --workspace Acme', `${REFRESH}\n`)
  t.match(added, { id: 1, account: '3003003', created: true, mapping: 'saved', findings: [{ code: 'lead_id_field_missing' }] })
  t.match(await works('connection check 1'), /^Note: There is no contact property "meta_lead_id"/)
  t.match(await works('connection create-field 1'), /meta_lead_id/)
  t.equal(await works('connection check 1'), 'Nothing is missing there.\n')
  t.match(await json('invite hubspot --workspace Acme --hours 1'), { id: 1, url: /^https:.*\/connect\/[\w-]{43}$/ })
  await fails('invite nocrm --workspace Acme', /no connector for this CRM/)
  await fails('invite --workspace Acme', /Say what is to be connected/)
  t.match(await json('connection list'), [{ state: 'setup', workspace: 'Acme', account: '3003003' }])

  await fails(`dataset set ${DATASET} --workspace Acme`, /does not accept this token/, 'EAAwrongtoken000000000000001')
  await fails('dataset set 700000000000009 --workspace Acme', /does not show this dataset.*--no-probe/, TOKEN)
  await fails('dataset set pixel --workspace Acme', /metaId/, TOKEN)
  t.match(await json(`dataset set ${DATASET} --workspace Acme`, TOKEN), { created: true, name: 'Acme leads' })
  t.match(await json('dataset set 700000000000009 --workspace Acme --no-probe', TOKEN), { created: true, name: undefined })

  await fails('route set --connection 7 --dataset 700000000000001', /no connection 7/)
  t.match(await json(`route set --connection 1 --dataset ${DATASET}`), { created: true, connectionState: 'active' })
  t.match(await json('route list'), [{ metaId: DATASET, mode: 'live', filter: {} }])
  t.match(await json('connection list'), [{ state: 'active', routes: 1 }])

  const mapping = await json('mapping show 1')
  t.equal(mapping.version, 1)
  t.match(
    mapping.stages.find(({ stageId }: { stageId: string }) => stageId === 'marketingqualifiedlead'),
    { eventName: 'Marketing Qualified Lead', state: 'live' },
  )
  t.same(mapping.unmapped, [])
  t.match(await works('mapping show 1'), /lifecyclestage +- +customer +customer +Converted/)

  const record = {
    ...{ crm: 'hubspot', account: '3003003', recordType: 'contact', recordId: '101' },
    stage: { source: 'lifecyclestage', id: 'customer' },
    ...{ occurredAt: new Date().toISOString(), identity: { metaLeadId: '12345678901234567' } },
  }
  t.match(await works('preview --connection 1', JSON.stringify(record)), /"lead_id":12345678901234567,?.*/)
  t.match(await works('doctor'), /^ok +connections: 1 at work$/m)

  const file = JSON.parse(await works('mapping show 1 --file'))
  const table = JSON.stringify({ ...file, stages: file.stages.slice(0, 6) })
  await fails('mapping set 1 --version 7', /Version 1 is the current one/, table)
  t.match(await json('mapping set 1 --version 1', table), { version: 2 })
  t.match(await works('mapping show 1'), /Not in the mapping, so not sent:/)
  t.match(await json('mapping history 1'), [{ version: 2, createdBy: 'operator' }, { version: 1 }])

  t.match(JSON.parse(await works('connection rules 1 --set -', '{"whichLeads":"anyone"}')), { whichLeads: 'anyone', repeats: false })
  await fails('connection rules 1 --set -', /nope: is not known here/, '{"nope":1}')
  await fails('connection rules 1 --set -', /not valid JSON/, '{')
  t.match(JSON.parse(await works('connection settings 1')), { leadIdField: 'meta_lead_id' })

  await works('connection pause 1')
  t.match(await json('connection show 1'), { state: 'paused' })
  await works('connection resume 1')
  await fails('connection resume 1', /is not paused/)
  await works(`route remove --connection 1 --dataset ${DATASET}`)
  t.match(await json('connection show 1'), { state: 'setup', routes: 0 })
  await fails('connection remove 1', /repeat the command with --yes/)
  await works('connection remove 1 --yes')
  t.same(await json('connection list'), [])

  const db = openDatabase({ url: databaseUrl, log: createLog({ level: 'silent' }) })
  t.teardown(() => db.destroy())
  t.same(await findTraces(db, [REFRESH, TOKEN]), [], 'no secret lies readable in any table')
  t.notOk(
    outputs.some((output) => output.includes(REFRESH) || output.includes(TOKEN)),
    'no secret was printed',
  )
  const trail = await db.selectFrom('audit').select('action').orderBy('id').execute()
  t.same(
    trail.map(({ action }) => action),
    [
      ...[
        'workspace.create',
        'connection.add',
        'mapping.set',
        'connection.lead_id_field',
        'invitation.create',
        'dataset.add',
        'dataset.add',
        'route.set',
      ],
      ...['mapping.set', 'connection.rules', 'connection.pause', 'connection.resume', 'route.remove', 'connection.remove'],
    ],
  )
})

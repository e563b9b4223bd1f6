import t from 'tap'
import { longId } from './ids.ts'
import { type Made, Org, type OrgFacts, type Row } from './org.ts'
import { connectPeer } from './pubsub-peer.ts'
import { startSalesforce } from './start-salesforce.ts'

const at = Date.parse('2026-11-20T10:00:00.250Z')
const second = Date.parse('2026-11-20T10:00:00Z')

function newOrg(facts: Partial<OrgFacts> = {}) {
  const org = new Org({ number: 1, clock: () => at, ...facts })
  /** Changes logged since the last question. */
  let place = org.changeLog.end()
  const changes = () => {
    const all = org.changeLog.behind(place, 1000).map(({ change }) => change)
    place = org.changeLog.end()
    return all
  }
  const lead = (fields: Row = {}, made?: Made) => org.insert('Lead', [{ LastName: 'Birch', Company: 'Acme', ...fields }], made)[0] as string
  const rows = (table: string): Row[] => [...org.table(table).values()]
  return { org, changes, lead, rows }
}
type Seen = { entity: string; changeType: string; sequenceNumber: number }
const steps = (changes: Seen[]) => changes.map(({ entity, changeType, sequenceNumber }) => [entity, changeType, sequenceNumber])

t.test('Ids have 18 characters; the last three say which letters are upper case', async (t) => {
  t.equal(longId('00D1t000000rXxR'), '00D1t000000rXxREAU')
  t.equal(longId('00D1t000000rXxREAU'), '00D1t000000rXxREAU')
  const { org, lead } = newOrg()
  t.match([org.id, lead()], [/^00D\w{15}$/, /^00Q\w{15}$/])
  t.not(new Org({ number: 2, clock: () => at }).id, org.id)
})

t.test('A creation is told with all that is known, parts of compound fields by dotted names, instants to the second', async (t) => {
  const { org, changes, lead } = newOrg()
  const id = lead({ FirstName: 'Ann', City: 'Bonn', Meta_Lead_ID__c: '1234567890123456' })
  const [change] = changes()
  t.match(change, {
    entity: 'Lead',
    recordIds: [id],
    changeType: 'CREATE',
    changedFields: [],
    commitTimestamp: at,
    commitUser: org.admin.id,
  })
  t.match(change?.values, { 'Name.FirstName': 'Ann', 'Address.City': 'Bonn', Status: 'Open - Not Contacted', CreatedDate: second })
  t.match(change?.values, { Meta_Lead_ID__c: '1234567890123456' })
  for (const quiet of ['SystemModstamp', 'IsDeleted', 'Id', 'Phone']) t.notOk(quiet in (change?.values ?? {}), quiet)
  t.ok((change?.commitNumber ?? 0n) > 2n ** 53n)
})

t.test('An update is told with what it changed, and what it emptied', async (t) => {
  const { org, changes, lead } = newOrg()
  const id = lead({ Phone: '1', City: 'Bonn' })
  changes()
  org.update('Lead', [{ Id: id, Phone: null, City: 'Bonn', Status: 'Working - Contacted' }], { client: 'dialer' })
  const [change] = changes()
  t.same(change?.changedFields, ['Phone', 'Status', 'LastModifiedDate'])
  t.same(change?.nulledFields, ['Phone'])
  t.same(change?.values, { Phone: null, Status: 'Working - Contacted', LastModifiedDate: second })
  t.equal(change?.changeOrigin, 'com/salesforce/api/rest/66.0;client=dialer')
})

t.test('Changes of a record in one transaction are one, of the first kind and with the last values', async (t) => {
  const { org, changes, rows } = newOrg()
  org.track('Lead', 'Status', true)
  const [id = ''] = org.transact([{ kind: 'insert', object: 'Lead', fields: { LastName: 'A', Company: 'A' } }])
  changes()
  org.transact([
    { kind: 'update', object: 'Lead', id, fields: { Status: 'Working - Contacted' } },
    { kind: 'update', object: 'Lead', id, fields: { Status: 'Closed - Not Converted', City: 'Bonn' } },
  ])
  const told = changes()
  t.same(steps(told), [['Lead', 'UPDATE', 1]])
  t.match(told[0]?.values, { Status: 'Closed - Not Converted', 'Address.City': 'Bonn' })
  t.match(rows('LeadHistory'), [
    { Field: 'created' },
    { Field: 'Status', OldValue: 'Open - Not Contacted', NewValue: 'Closed - Not Converted' },
  ])
})

t.test('Equal changes of several records in one transaction are one event', async (t) => {
  const { org, changes, lead } = newOrg()
  const ids = [lead(), lead(), lead()]
  changes()
  const status = (id: string, Status: string) => ({ kind: 'update' as const, object: 'Lead', id, fields: { Status } })
  org.transact(ids.map((id, index) => status(id, index < 2 ? 'Working - Contacted' : 'Closed - Not Converted')))
  t.same(
    changes().map(({ recordIds }) => recordIds),
    [ids.slice(0, 2), ids.slice(2)],
  )
})

t.test('A transaction that fails leaves nothing behind', async (t) => {
  const { org, changes, lead, rows } = newOrg()
  const id = lead()
  changes()
  const broken = { kind: 'insert' as const, object: 'Lead', fields: { LastName: 'No company' } }
  t.throws(() => org.transact([{ kind: 'update', object: 'Lead', id, fields: { City: 'Bonn' } }, broken]), {
    code: 'REQUIRED_FIELD_MISSING',
  })
  t.same(changes(), [])
  t.equal(rows('Lead')[0]?.City, undefined)
})

t.test('A conversion is one transaction: the opportunity is told third, the lead that links it fourth', async (t) => {
  const { org, changes, lead, rows } = newOrg({ copiedAtConversion: ['Meta_Lead_ID__c'] })
  const id = lead({ Meta_Lead_ID__c: '1234567890123456' })
  changes()
  const { opportunityId, accountId, contactIds } = org.convert({ leads: [id], lagMs: 1000 })
  const told = changes()
  t.same(steps(told), [
    ['Opportunity', 'CREATE', 3],
    ['Lead', 'UPDATE', 4],
  ])
  const [opportunity, converted] = told
  t.equal(opportunity?.transactionKey, converted?.transactionKey)
  t.equal(converted?.commitTimestamp, at + 1000)
  t.match(opportunity?.values, { StageName: 'Prospecting', AccountId: accountId, Meta_Lead_ID__c: '1234567890123456' })
  t.match(converted?.values, {
    Status: 'Closed - Converted',
    IsConverted: true,
    ConvertedDate: Date.parse('2026-11-20'),
    ConvertedContactId: contactIds[0],
    ConvertedOpportunityId: opportunityId,
  })
  t.match(rows('Lead'), [{ ConvertedDate: '2026-11-20' }])
  t.throws(() => org.convert({ leads: [id] }), { code: 'CANNOT_UPDATE_CONVERTED_LEAD' })
})

t.test('Leads are converted without an opportunity, into one that exists, and several into one', async (t) => {
  const { org, changes, lead } = newOrg()
  const leads = [lead(), lead(), lead(), lead()]
  changes()
  t.equal(org.convert({ leads: leads.slice(0, 1), opportunity: false }).opportunityId, null)
  t.same(steps(changes()), [['Lead', 'UPDATE', 3]])
  const { opportunityId } = org.convert({ leads: leads.slice(1, 3), opportunity: { StageName: 'Qualification', Amount: 100 } })
  t.same(steps(changes()), [
    ['Opportunity', 'CREATE', 4],
    ['Lead', 'UPDATE', 5],
    ['Lead', 'UPDATE', 6],
  ])
  org.convert({ leads: leads.slice(3), opportunityId: opportunityId as string })
  t.same(
    changes().map(({ values }) => values.ConvertedOpportunityId),
    [opportunityId],
  )
})

t.test('Deleted, restored, merged: the records know, and the bus is told', async (t) => {
  const { org, changes, lead } = newOrg()
  const [kept, lost] = [lead(), lead({ City: 'Bonn' })]
  changes()
  org.delete('Lead', [lost])
  org.undelete('Lead', [lost])
  const [gone, back] = changes()
  t.match(
    [gone, back],
    [
      { changeType: 'DELETE', values: {}, changedFields: [] },
      { changeType: 'UNDELETE', changedFields: [] },
    ],
  )
  t.match(back?.values, { 'Address.City': 'Bonn', 'Name.LastName': 'Birch' })
  org.merge('Lead', kept, [lost], { fields: { City: 'Bonn' } })
  t.same(steps(changes()), [
    ['Lead', 'UPDATE', 1],
    ['Lead', 'DELETE', 2],
  ])
  t.match(org.table('Lead').get(lost), { IsDeleted: true, MasterRecordId: kept })
  t.throws(() => org.update('Lead', [{ Id: lost, City: 'X' }]), { code: 'ENTITY_IS_DELETED' })
  org.transact([{ kind: 'insert', object: 'Lead', fields: { LastName: 'A', Company: 'A' } }])
  org.purge('Lead', [lost])
  t.same(steps(changes()), [['Lead', 'CREATE', 1]], 'what goes for good is told to nobody')
})

t.test('A stage renamed in Setup moves all its records in one event, without history', async (t) => {
  const { org, changes, rows } = newOrg()
  const ids = org.insert('Opportunity', [{ Name: 'A' }, { Name: 'B' }, { Name: 'C', StageName: 'Qualification' }])
  changes()
  org.renameStage('Opportunity', 'Prospecting', 'Discovery')
  t.match(changes(), [
    { changeType: 'UPDATE', recordIds: ids.slice(0, 2), changedFields: ['StageName'], values: { StageName: 'Discovery' } },
  ])
  t.equal(rows('OpportunityHistory').length, 3)
  t.ok(org.stages.some(({ ApiName }) => ApiName === 'Discovery'))
})

t.test('The bus can be told less than what happened', async (t) => {
  const { org, changes, lead } = newOrg()
  const ids = [lead(), lead()]
  changes()
  const move = (told: NonNullable<Made['told']>) =>
    org.transact(
      ids.map((id) => ({ kind: 'update', object: 'Lead', id, fields: { City: told } })),
      { told },
    )
  const seen = (told: NonNullable<Made['told']>) => {
    move(told)
    return changes().map(({ changeType, recordIds, values }) => ({ changeType, recordIds, values }))
  }
  t.same(seen('gap'), [{ changeType: 'GAP_UPDATE', recordIds: ids, values: {} }])
  t.same(seen('overflow'), [{ changeType: 'GAP_OVERFLOW', recordIds: ['000000000000000AAA'], values: {} }])
  t.same(seen('wildcard'), [{ changeType: 'GAP_UPDATE', recordIds: ['00Q*'], values: {} }])
  t.same(seen('lost'), [])
  t.equal(org.table('Lead').get(ids[0] as string)?.City, 'lost')
})

t.test('The history of an opportunity has a row for each change of four fields, and for its creation where orgs keep that', async (t) => {
  for (const historyAtCreation of [true, false]) {
    const { org, rows } = newOrg({ historyAtCreation })
    const [Id = ''] = org.insert('Opportunity', [{ Name: 'A', Amount: 10 }])
    const edits: Row[] = [
      { Amount: 20 },
      { NextStep: 'Call' },
      { StageName: 'Closed Won' },
      { CloseDate: '2026-12-01' },
      { Probability: 50 },
    ]
    for (const edit of edits) org.update('Opportunity', [{ Id, ...edit }])
    const history = rows('OpportunityHistory')
    t.match(history.slice(historyAtCreation ? 1 : 0), [
      { StageName: 'Prospecting', Amount: 20, PrevAmount: 10, OpportunityId: Id },
      { StageName: 'Closed Won', Probability: 100, ForecastCategory: 'Closed', PrevAmount: null },
      { StageName: 'Closed Won', CloseDate: '2026-12-01' },
      { StageName: 'Closed Won', Probability: 50 },
    ])
    t.equal(history.length, historyAtCreation ? 5 : 4)
    t.match(rows('Opportunity'), [{ LastStageChangeDate: second, Probability: 50 }])
    t.equal(org.value('Opportunity', rows('Opportunity')[0] as Row, 'IsWon'), true)
  }
})

t.test('Field history is kept only of what is tracked, as labels in some orgs', async (t) => {
  const { org, lead, rows } = newOrg({ historyShows: 'label' })
  org.leadStatuses = org.leadStatuses.map((status) =>
    status.ApiName.startsWith('Working') ? { ...status, MasterLabel: 'In Arbeit' } : status,
  )
  const Id = lead()
  org.update('Lead', [{ Id, Status: 'Working - Contacted' }])
  t.same(rows('LeadHistory'), [])
  org.track('Lead', 'Status', true)
  org.update('Lead', [{ Id, Status: 'Closed - Not Converted', City: 'Bonn' }])
  t.match(rows('LeadHistory'), [
    { LeadId: Id, Field: 'Status', OldValue: 'In Arbeit', NewValue: 'Closed - Not Converted', CreatedDate: second },
  ])
  org.convert({ leads: [Id] })
  t.match(rows('LeadHistory').slice(1), [{ Field: 'leadConverted' }, { Field: 'Status', NewValue: 'Closed - Converted' }])
})

t.test(
  'Changes reach the bus as its schema says, with the present value of the packaged field, and only what the user may see',
  async (t) => {
    const salesforce = await startSalesforce({ orgs: [{ refreshToken: 'refresh' }], clock: () => at })
    t.teardown(salesforce.close)
    const { accessToken } = salesforce.accessToken({ refreshToken: 'refresh' })
    const org = salesforce.org()
    const peer = connectPeer(t, salesforce.pubsub.port, { accesstoken: accessToken, instanceurl: salesforce.url, tenantid: org.id })
    const stream = peer.subscribe({ topicName: '/data/Meta_Connector__chn', replayPreset: 'LATEST', numRequested: 100 })
    const read = async (count: number) => {
      const responses = await stream.events(count)
      return (await Promise.all(responses.map((response) => peer.decode(response)))).flat().slice(-1)[0]
    }
    // The bus has the stream from the moment it counts it.
    while (salesforce.pubsub.streams().length === 0) await new Promise((resolve) => setImmediate(resolve))
    const { ids } = salesforce.insert({
      object: 'Lead',
      records: [{ LastName: 'Birch', Company: 'Acme', Meta_Lead_ID__c: '1234567890123456' }],
    })
    t.match(await read(1), {
      header: { recordIds: ids, changeType: 'CREATE' },
      body: { Name: { LastName: 'Birch' }, Meta_Lead_ID__c: '1234567890123456' },
    })
    salesforce.convert({ leads: ids })
    t.match(await read(3), {
      header: { changedFields: ['0x08F81000'], sequenceNumber: 4 },
      body: { IsConverted: true, Meta_Lead_ID__c: '1234567890123456', Company: null },
    })
    salesforce.setUser({ hiddenFields: ['Lead.FirstName', 'Lead.Meta_Lead_ID__c'], viewAll: ['Lead'] })
    salesforce.insert({ object: 'Opportunity', records: [{ Name: 'A' }] })
    salesforce.insert({
      object: 'Lead',
      records: [{ FirstName: 'Ann', LastName: 'Ash', Company: 'Acme', Meta_Lead_ID__c: '1234567890123457' }],
    })
    t.match(await read(4), { body: { Name: { LastName: 'Ash', FirstName: null }, Meta_Lead_ID__c: null } })
  },
)

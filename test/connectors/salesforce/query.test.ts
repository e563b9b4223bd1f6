import t from 'tap'
import type { CrmClient } from '../../../connectors/connector.ts'
import { instant, query, queryByIds, quote, readInstant } from '../../../connectors/salesforce/query.ts'
import { addLead, contextFor, openOrg } from './org.ts'

const start = Date.UTC(2026, 10, 20, 8)

t.test('text becomes a literal that holds nothing but the text', async (t) => {
  const salesforce = await openOrg(t)
  const { client } = contextFor(salesforce)
  for (const name of ["O'Neil", 'back\\slash', '"quoted"', 'two\nlines', "' OR LastName != '", '\\', 'Müller & Søn +1%', '𝔘']) {
    const id = addLead(salesforce, start, { LastName: name })
    t.match(await query(client, `SELECT Id FROM Lead WHERE LastName = ${quote(name)}`), [{ Id: id }], name)
  }
  t.equal(quote("it's"), "'it\\'s'")
})

t.test('instants are the same there and back', async (t) => {
  const salesforce = await openOrg(t)
  addLead(salesforce, start)
  const { client } = contextFor(salesforce)
  const [row] = await query(client, `SELECT CreatedDate FROM Lead WHERE CreatedDate = ${instant(start)}`)
  t.equal(readInstant(row?.CreatedDate), start)
  for (const nothing of [null, undefined, '', 'soon', 7, {}]) t.equal(readInstant(nothing), undefined)
})

t.test('all pages are read', async (t) => {
  const salesforce = await openOrg(t)
  for (let index = 0; index < 4_100; index++) addLead(salesforce, start)
  t.equal(new Set((await query(contextFor(salesforce).client, 'SELECT Id FROM Lead')).map(({ Id }) => Id)).size, 4_100)
  t.match(salesforce.counts(), { query: 1, queryMore: 2 })
})

t.test('a next page anywhere else is not followed', async (t) => {
  for (const nextRecordsUrl of [
    undefined,
    'https://evil.example/x',
    '//evil.example',
    '/services/data/v66.0/sobjects/Lead',
    '/services/data/v66.0/query/../x',
  ]) {
    const client: CrmClient = { request: async () => ({ status: 200, body: { done: false, records: [], nextRecordsUrl } }) }
    await t.rejects(query(client, 'SELECT Id FROM Lead'), { code: 'unreadable_answer' }, String(nextRecordsUrl))
  }
})

t.test('lists of ids are cut so that no address is too long', async (t) => {
  const salesforce = await openOrg(t)
  const ids = Array.from({ length: 1_200 }, () => addLead(salesforce, start))
  const { client } = contextFor(salesforce)
  const read = async (selected: string) => {
    salesforce.reset()
    const soql = (list: string) => `SELECT ${selected} FROM Lead WHERE Id IN ${list}`
    const rows = (await queryByIds(ids, soql, (question) => query(client, question))).flat()
    return { rows: rows.length, requests: salesforce.counts().query }
  }
  t.same(await read('Id'), { rows: 1_200, requests: 3 })
  const many = Array.from({ length: 300 }, (_, index) => {
    const name = `A_rather_long_name_of_a_field_${index}__c`
    salesforce.addField({ object: 'Lead', field: { name } })
    return name
  })
  const { rows, requests } = await read(many.join(', '))
  t.equal(rows, 1_200)
  t.ok((requests ?? 0) > 3, `${requests} requests`)
})

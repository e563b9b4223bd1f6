import t from 'tap'
import { normalise } from '../../../connectors/webhook/normalise.ts'
import { parse } from '../../../connectors/webhook/parse.ts'
import { type WebhookSettings, webhookSettings } from '../../../connectors/webhook/settings.ts'

const now = 1_790_000_000_000
function read(body: string | object, settings: Partial<WebhookSettings> = {}, contentType = 'application/json') {
  const text = typeof body === 'string' ? body : JSON.stringify(body)
  const request = {
    method: 'POST',
    target: '/',
    publicUrl: '',
    headers: { 'content-type': contentType },
    body: Buffer.from(text),
    receivedAt: now,
  }
  return parse(request, webhookSettings.parse(settings))
}
const lead = { record_id: '42', stage: 'qualified' }

t.test('one record, a list, and a list under events are the same', async (t) => {
  const [one] = read(lead).changes
  t.match(one, { id: '42', stage: 'qualified', type: 'record', occurredAt: now, received: true })
  t.same(read([lead]).changes, [one])
  t.same(read({ events: [lead, lead] }).changes, [one, one])
  t.same(read('record_id=42&stage=qualified', {}, 'application/x-www-form-urlencoded; charset=utf-8').changes, [one])
})

t.test('all that is known of a person comes along', async (t) => {
  const whole = {
    ...{
      ...lead,
      record_type: 'deal',
      pipeline: 'p',
      event_id: 'e',
      occurred_at: '2026-09-01T10:00:00+02:00',
      lead_created_at: 1_788_000_000,
    },
    ...{ meta_lead_id: '12345678901234567', email: 'a@example.com', phone: '+49151', first_name: 'A', last_name: 'B', gender: 'f' },
    ...{
      date_of_birth: '2000-01-31',
      city: 'C',
      state: 'S',
      postal_code: 10115,
      country: 'DE',
      external_id: 'x',
      fbclid: 'IwAR',
      fbclid_seen_at: 1_788_000_000_000,
    },
    ...{ amount: '12.50', currency: 'EUR', fields: { consent: true, source: null, score: 7, nested: { no: 1 } } },
  }
  const [change] = read(whole).changes
  t.same(change, {
    ...{ changeId: 'e', type: 'deal', id: '42', stage: 'qualified', pipeline: 'p', received: false },
    ...{ occurredAt: Date.parse('2026-09-01T08:00:00Z'), createdAt: 1_788_000_000_000 },
    identity: {
      ...{ metaLeadId: '12345678901234567', emails: ['a@example.com'], phones: ['+49151'], firstName: 'A', lastName: 'B', gender: 'f' },
      ...{ dateOfBirth: '2000-01-31', city: 'C', state: 'S', postalCode: '10115', country: 'DE', externalId: 'x' },
      clickId: { value: 'IwAR', firstSeenAt: 1_788_000_000_000 },
    },
    amount: { value: 12.5, currency: 'EUR' },
    fields: { consent: 'true', source: null, score: '7' },
  })
  t.match(normalise([change]), [
    { kind: 'shown', snapshot: { partial: true, found: true, fields: { consent: 'true' } } },
    { kind: 'stage', changeId: 'e', occurredAtSource: 'field', stage: { source: 'stage', pipelineId: 'p', stageId: 'qualified' } },
  ])
})

t.test('a lead id keeps every digit, as text or number', async (t) => {
  for (const digits of ['123456789012345', '9007199254740993', '12345678901234567'])
    for (const written of [digits, `"${digits}"`, `"l:${digits}"`])
      t.equal(read(`{"record_id":1,"stage":"a","meta_lead_id":${written}}`).changes[0]?.identity.metaLeadId, digits)
})

t.test('a lead id that was rounded on its way is refused', async (t) => {
  const { reply } = read('{"record_id":1,"stage":"a","meta_lead_id":1.2345678901234567e16}')
  t.match(reply.body.rejected, [{ field: 'meta_lead_id', reason: 'not_text' }])
})

t.test('a record can be gone, and a person be forgotten, without a word about them', async (t) => {
  for (const [action, kind] of [
    ['delete', 'deleted'],
    ['erase', 'erased'],
  ]) {
    const { changes } = read({ record_id: '42', action, email: 'canary@example.com', fields: { note: 'canary' } })
    t.same(normalise(JSON.parse(JSON.stringify(changes))), [{ kind, ref: { type: 'record', id: '42' }, occurredAt: now }])
    t.notMatch(JSON.stringify(changes), 'canary')
  }
})

t.test('instants are understood by their form and size', async (t) => {
  for (const [given, at] of [
    [1_789_999_000, 1_789_999_000_000],
    ['1789999000', 1_789_999_000_000],
    [1_789_999_000.25, 1_789_999_000_250],
    [1_789_999_000_123, 1_789_999_000_123],
    ['2026-09-01T10:00:00.123456Z', Date.parse('2026-09-01T10:00:00.123Z')],
    ['2026-09-01T10:00+0200', Date.parse('2026-09-01T08:00:00Z')],
    [now + 299_000, now + 299_000],
  ] as const)
    t.match(read({ ...lead, occurred_at: given }).changes[0], { occurredAt: at, received: false }, String(given))
})

t.test('a wrong field is named with its record, and costs no other record', async (t) => {
  const wrong: [record: unknown, field: string, reason: string][] = [
    [7, '', 'not_an_object'],
    [{ stage: 'a' }, 'record_id', 'missing'],
    [{ record_id: '1', stage: ' ' }, 'stage', 'missing'],
    [{ ...lead, record_id: {} }, 'record_id', 'not_text'],
    [{ ...lead, record_id: 'x'.repeat(201) }, 'record_id', 'too_long'],
    [{ ...lead, stage: 'a\u0000b' }, 'stage', 'unusable_characters'],
    [{ ...lead, stage: '\ud800' }, 'stage', 'unusable_characters'],
    [{ ...lead, occurred_at: 'yesterday' }, 'occurred_at', 'not_a_time'],
    [{ ...lead, occurred_at: '2026-09-01T10:00:00' }, 'occurred_at', 'not_a_time'],
    [{ ...lead, occurred_at: 5 }, 'occurred_at', 'not_a_time'],
    [{ ...lead, occurred_at: now + 301_000 }, 'occurred_at', 'in_future'],
    [{ ...lead, lead_created_at: now + 301_000 }, 'lead_created_at', 'in_future'],
    [{ ...lead, meta_lead_id: '123' }, 'meta_lead_id', 'not_a_lead_id'],
    [{ ...lead, action: 'forget' }, 'action', 'not_an_action'],
    [{ ...lead, amount: 'a lot' }, 'amount', 'not_a_number'],
    [{ ...lead, email: ['a@example.com'] }, 'email', 'not_text'],
  ]
  for (const [record, field, reason] of wrong) {
    const { changes, reply } = read([lead, record])
    t.equal(changes.length, 1)
    t.match(reply, { status: 202, body: { accepted: 1, rejected: [{ index: 1, field, reason, text: /\.$/ }] } }, reason)
    t.match(read([record]).reply.status, 422)
  }
})

t.test('fields are found where the settings say', async (t) => {
  const body = { data: { list: [{ deal: { 'no.': 7, status: { name: 'won' } }, who: [{ mail: 'a@example.com' }], opt: 'in' }] } }
  const paths = { record_id: '/deal/no.', stage: 'deal.status.name', email: 'who.0.mail' }
  const { changes } = read(body, {
    records: 'data.list',
    paths,
    constants: { country: 'DE' },
    ruleFields: { consent: 'opt', other: 'none' },
  })
  t.match(changes, [{ id: '7', stage: 'won', identity: { emails: ['a@example.com'], country: 'DE' }, fields: { consent: 'in' } }])
  t.match(read({ other: 1 }, { records: 'data.list' }).reply, { status: 400, body: { error: 'no_records' } })
  for (const path of ['__proto__.x', 'constructor.name', 'toString', '/__proto__', 'deal.length', 'a..b', '/'])
    t.match(read({ ...lead, deal: 'text' }, { paths: { stage: path } }).reply.body.rejected, [{ field: 'stage', reason: 'missing' }], path)
})

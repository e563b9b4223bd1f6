import { parse } from 'lossless-json'
import t from 'tap'
import { toConversionEvent } from '../../mappings/conversion-event.ts'
import { sha256 } from '../../mappings/hash.ts'
import { serialiseRequest } from '../../mappings/serialise.ts'
import { userData } from '../../mappings/user-data.ts'
import { day, exampleRecord, exampleSettings, now } from './example.ts'

const convert = (changes: Parameters<typeof exampleRecord>[0] = {}, rule: Parameters<typeof exampleSettings>[0] = {}) =>
  toConversionEvent(exampleRecord(changes), exampleSettings(rule), now)
const event = (...args: Parameters<typeof convert>) => {
  const result = convert(...args)
  if (result.kind !== 'event') throw new Error(result.reason)
  return result
}
const customer = { source: 'lifecyclestage', id: 'customer' }

t.test('a record becomes the event that Meta asks for, with all digits of the lead id', async (t) => {
  const { json, eventId, event: object, notes } = event()
  t.equal(
    json,
    `{"event_name":"Marketing Qualified Lead","event_time":${Math.floor((now - 3_600_000) / 1000)},"event_id":"${eventId}","action_source":"system_generated",` +
      '"custom_data":{"event_source":"crm","lead_event_source":"HubSpot"},' +
      '"user_data":{"em":["973dfe463ec85785f5f95af5ba3906eedb2d931c24e69824a89ea65dba4e813b"],"lead_id":12345678901234567}}',
  )
  t.same(notes, [])
  t.same(userData.parse(object.user_data), object.user_data)
  t.equal(event().eventId, eventId, 'and the same id each time')
})

t.test('the lead id can be sent as a string', async (t) => {
  t.match(event({}, { leadIdEncoding: 'string' }).json, '"lead_id":"12345678901234567"')
})

t.test('lead ids of 15 to 17 digits reach the wire digit by digit', async (t) => {
  for (const id of ['123456789012345', '1234567890123456', '9007199254740993', '99999999999999999']) {
    const { json } = event({ identity: { metaLeadId: `l:${id}` } })
    const wire = parse(json) as { user_data: { lead_id: { toString(): string } } }
    t.equal(wire.user_data.lead_id.toString(), id)
  }
})

t.test('every field is hashed into its key, in arrays without doubles', async (t) => {
  const { event: object, json } = event(
    {
      identity: {
        metaLeadId: '12345678901234567',
        clickId: { value: 'IwAR2', firstSeenAt: '2026-08-31T10:00:00Z' },
        emails: ['Test@Example.com', ' test@example.com', 'second@example.com'],
        phones: ['(650) 555-1212', '+1 650 555 1212'],
        firstName: 'Jean-Luc',
        lastName: "O'Brien",
        gender: 'Male',
        dateOfBirth: '1985-11-03',
        city: 'St. Louis',
        state: 'Missouri',
        postalCode: '63101-1234',
        country: 'USA',
        externalId: 'User 12345',
      },
    },
    { externalId: true },
  )
  t.same(object.user_data, {
    lead_id: '12345678901234567',
    fbc: 'fb.1.1788170400000.IwAR2',
    em: [sha256('test@example.com'), sha256('second@example.com')],
    ph: [sha256('16505551212')],
    fn: [sha256('jeanluc')],
    ln: [sha256('obrien')],
    ge: [sha256('m')],
    db: [sha256('19851103')],
    ct: [sha256('stlouis')],
    st: [sha256('mo')],
    zp: [sha256('63101')],
    country: [sha256('us')],
    external_id: [sha256('user12345')],
  })
  t.same(JSON.parse(json).user_data, { ...object.user_data, lead_id: JSON.parse('12345678901234567') })
})

t.test('the external id is left out unless the customer wants it', async (t) => {
  t.notOk('external_id' in event({ identity: { metaLeadId: '12345678901234567', externalId: '7' } }).event.user_data)
})

t.test('the country of the settings reads national phones but is not sent', async (t) => {
  const { event: object } = event(
    { identity: { emails: ['a@example.com'], metaLeadId: '12345678901234567', phones: ['07700 900123'] } },
    { defaultCountry: 'GB' },
  )
  t.same(object.user_data.ph, [sha256('447700900123')])
  t.notOk('country' in object.user_data)
})

t.test('hashed values pass once, MD5 is dropped', async (t) => {
  const hash = sha256('test@example.com')
  const { event: object, notes } = event({
    identity: {
      metaLeadId: '12345678901234567',
      emails: [` ${hash.toUpperCase()} `, 'test@example.com'],
      phones: ['5D41402ABC4B2A76B9719D911017C592'],
      state: hash,
      country: hash,
    },
  })
  t.same(object.user_data.em, [hash])
  t.same(object.user_data.st, [hash])
  t.same(object.user_data.country, [hash])
  t.notOk('ph' in object.user_data)
  t.same(notes, [{ field: 'ph', code: 'already_md5' }])
})

t.test('a field that fails is left out with a note and the event lives', async (t) => {
  const {
    event: object,
    notes,
    json,
  } = event({
    identity: {
      metaLeadId: '12345678901234567',
      clickId: { value: 'IwAR2' },
      emails: ['junk', ''],
      phones: ['+0000000000', '0612345678'],
      firstName: '...',
      lastName: '  ',
      gender: 'unknown',
      dateOfBirth: '03/04/1997',
      city: '?',
      state: '--',
      postalCode: '-',
      country: 'Atlantis',
    },
  })
  t.same(object.user_data, { lead_id: '12345678901234567' })
  t.same(
    notes.map(({ field, code }) => `${field} ${code}`),
    [
      'fbc click_id_no_time',
      'em email_invalid',
      'ph phone_invalid',
      'ph phone_no_country',
      'fn name_unusable',
      'ge gender_unknown',
      'db birth_date_invalid',
      'ct city_unusable',
      'st state_unusable',
      'zp postal_code_unusable',
      'country country_unknown',
    ],
  )
  t.notMatch(json, /null|\[\]|""/)
})

t.test('an amount goes only with a stage that asks for it, and with its currency', async (t) => {
  const amount = { value: 1250.5, currency: ' eur ' }
  t.match(JSON.parse(event({ stage: customer, amount }).json).custom_data, { value: 1250.5, currency: 'EUR' })
  t.same(event({ amount }).event.custom_data, { event_source: 'crm', lead_event_source: 'HubSpot' }, 'the stage does not ask')
  const note = (amount?: { value: number; currency?: string }) => event({ stage: customer, amount }).notes[0]?.code
  t.equal(note({ value: 5 }), 'currency_unknown')
  t.equal(note({ value: 5, currency: 'XYZ' }), 'currency_unknown')
  t.equal(note({ value: -5, currency: 'EUR' }), 'amount_invalid')
  t.equal(note(), 'amount_missing')
  t.same(event({ stage: customer, amount: { value: 0, currency: 'USD' } }).event.custom_data.value, 0)
})

t.test('limited data use is asked for with its zeros', async (t) => {
  const person = (state?: string, country?: string) => ({ identity: { metaLeadId: '12345678901234567', state, country } })
  const asked = (changes: object, limitedDataUse: 'off' | 'us_states' | 'always') => {
    const { data_processing_options, data_processing_options_country, data_processing_options_state } = JSON.parse(
      event(changes, { limitedDataUse }).json,
    )
    return data_processing_options === undefined
      ? undefined
      : [data_processing_options[0], data_processing_options_country, data_processing_options_state]
  }
  t.same(asked(person('California', 'US'), 'us_states'), ['LDU', 1, 1000])
  t.same(asked(person('RI', 'US'), 'us_states'), ['LDU', 1, 1013])
  t.equal(asked(person('NY', 'US'), 'us_states'), undefined, 'no state that Meta lists')
  t.equal(asked(person('Delaware', 'DE'), 'us_states'), undefined, 'another country')
  t.same(asked(person(), 'us_states'), ['LDU', 0, 0], 'unknown: Meta finds out')
  t.same(asked(person('NY', 'US'), 'always'), ['LDU', 0, 0])
  t.same(asked(person('Bayern', 'DE'), 'always'), ['LDU', 0, 0])
  t.same(asked(person('TX', 'US'), 'always'), ['LDU', 1, 1005])
  t.equal(asked(person('California', 'US'), 'off'), undefined)
})

t.test('the time rule holds and the time is never altered', async (t) => {
  t.match(convert({ occurredAt: now - 7 * day }), { kind: 'refused', reason: 'too_old' })
  t.match(convert({ occurredAt: now + 60_000 }), { kind: 'waits', reason: 'ahead_of_clock', until: now + 60_000 })
  t.match(convert({ occurredAt: now + 3_600_000 }), { kind: 'refused', reason: 'in_future' })
  t.match(convert({ leadGeneratedAt: now }), { kind: 'refused', reason: 'before_lead' })
})

t.test('test leads, missing consent and opt-outs stop everything', async (t) => {
  t.match(convert({ isTest: true }), { reason: 'test_lead' })
  const rule = { consent: [{ field: 'consent', equals: 'Yes' }], optOut: [{ field: 'status', startsWith: 'unsub' }] }
  t.match(convert({}, rule), { reason: 'consent_missing', params: { field: 'consent' } })
  t.match(convert({ fields: { consent: null } }, rule), { reason: 'consent_missing' })
  t.match(convert({ fields: { consent: ' yes ' } }, rule), { kind: 'event' })
  t.match(convert({ fields: { consent: 'yes', status: 'Unsubscribed by mail' } }, rule), {
    reason: 'opted_out',
    params: { field: 'status' },
  })
  t.match(convert({}, { consent: [{ field: 'constructor', equals: 'x' }] }), { reason: 'consent_missing' }, 'only own fields count')
})

t.test('which leads count', async (t) => {
  const email = { emails: ['a@example.com'] }
  const click = { clickId: { value: 'IwAR2', firstSeenAt: now } }
  const confirmed = { confirmedSources: [{ field: 'source', equals: 'Facebook' }] }
  const fields = { source: 'facebook' }
  t.match(convert({ identity: email }), { reason: 'no_meta_lead' })
  t.match(convert({ identity: email, fields }, confirmed), { kind: 'event' })
  t.match(convert({ identity: click, fields }, confirmed), { kind: 'event' }, 'a click id is a match key')
  t.match(convert({ identity: click }), { reason: 'no_meta_lead' }, 'but no reason to send')
  t.match(convert({ identity: { firstName: 'Mary', city: 'Boston', gender: 'f' }, fields }, confirmed), { reason: 'no_match_key' })
  t.match(convert({ identity: email }, { whichLeads: 'anyone' }), { kind: 'event' })
  t.match(convert({ identity: click }, { whichLeads: 'anyone' }), { reason: 'no_match_key' })
  t.match(convert({ identity: { ...email, metaLeadId: '1.23E+16' } }), {
    reason: 'no_meta_lead',
    notes: [{ field: 'lead_id', code: 'lead_id_rounded' }],
  })
  t.match(convert({ identity: email }, { whichLeads: 'lead_id_only' }), { reason: 'no_lead_id' })
})

t.test('with lead ids only, nothing else leaves the record', async (t) => {
  const identity = {
    metaLeadId: '12345678901234567',
    emails: ['a@example.com'],
    clickId: { value: 'IwAR2', firstSeenAt: now },
    state: 'CA',
    country: 'US',
  }
  t.same(event({ identity }, { whichLeads: 'lead_id_only' }).event.user_data, { lead_id: '12345678901234567' })
  const limited = event({ identity }, { whichLeads: 'lead_id_only', limitedDataUse: 'always' }).event
  t.match(limited, { data_processing_options: ['LDU'], data_processing_options_country: 0, data_processing_options_state: 0 })
})

t.test('names are escaped and a request carries its agent and, in tests, its code', async (t) => {
  const name = 'He said "yes" \\ é\n'
  const settings = exampleSettings({}, { stages: [{ source: 'lifecyclestage', stageId: 'marketingqualifiedlead', eventName: name }] })
  const result = toConversionEvent(exampleRecord(), settings, now)
  if (result.kind !== 'event') throw new Error(result.reason)
  t.equal(JSON.parse(result.json).event_name, name.trim())
  const body = JSON.parse(serialiseRequest([result.json, result.json], { partnerAgent: 'leadstage', testEventCode: 'TEST1' }))
  t.match(body, { data: [{ event_name: name.trim() }, {}], partner_agent: 'leadstage', test_event_code: 'TEST1' })
  t.same(Object.keys(JSON.parse(serialiseRequest([result.json]))), ['data'])
})

import fc from 'fast-check'
import t from 'tap'
import { type EventKey, eventId } from '../../mappings/event-id.ts'
import { parseStageKey, rawLeadKey, stageKey } from '../../mappings/stage-key.ts'

const key: EventKey = {
  datasetId: '1234567890123456',
  crm: 'hubspot',
  account: '4711',
  recordType: 'contact',
  recordId: '101',
  stageKey: 'lifecyclestage//customer',
  occurredAt: 1_790_000_000_000,
}

t.test('an event id is 32 hex characters and never changes', async (t) => {
  t.equal(eventId(key), eventId({ ...key }))
  t.match(eventId(key), /^[0-9a-f]{32}$/)
  t.equal(eventId(key), '892cf142cb6a5248372bb4f5cbf5df9f', 'ids that were sent once must stay what they were')
})

t.test('every part of the key changes the event id, and no part can pass for another', async (t) => {
  const ids = new Set([eventId(key)])
  for (const name of Object.keys(key) as (keyof EventKey)[]) ids.add(eventId({ ...key, [name]: name === 'occurredAt' ? 1 : 'x' }))
  t.equal(ids.size, 8)
  const text = fc.string({ unit: fc.constantFrom('a', '/', '%', '2', 'F', '"') })
  fc.assert(
    fc.property(fc.array(text, { minLength: 4, maxLength: 4 }), fc.array(text, { minLength: 4, maxLength: 4 }), (a, b) => {
      const id = ([crm = '', account = '', recordType = '', recordId = '']: string[]) =>
        eventId({ ...key, crm, account, recordType, recordId })
      return (a.join('\0') === b.join('\0')) === (id(a) === id(b))
    }),
    { numRuns: 1000 },
  )
})

t.test('a stage key can be read back', async (t) => {
  t.equal(stageKey({ source: 'lifecyclestage', stageId: 'customer' }), 'lifecyclestage//customer')
  t.equal(stageKey({ source: 'a/b', pipelineId: '100%', stageId: '%2F' }), 'a%2Fb/100%25/%252F')
  t.equal(parseStageKey(rawLeadKey), undefined)
  t.equal(parseStageKey('a/b/c/d'), undefined)
  const text = fc.oneof(fc.string(), fc.string({ unit: fc.constantFrom('/', '%', '2', '5', 'F') }))
  fc.assert(
    fc.property(text, fc.option(text, { nil: undefined }), text, (source, pipelineId, stageId) => {
      const stage = parseStageKey(stageKey({ source, pipelineId, stageId }))
      return stage?.source === source && (stage.pipelineId ?? '') === (pipelineId ?? '') && stage.stageId === stageId
    }),
  )
})

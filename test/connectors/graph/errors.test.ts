import t from 'tap'
import { classifyGraphError, type GraphError } from '../../../connectors/graph/errors.ts'

interface Row {
  code: number
  subcodes?: (number | undefined)[]
  class: GraphError['class']
  scope: GraphError['scope']
  known?: boolean
}

const table: Row[] = [
  { code: 1, subcodes: [undefined, 99], class: 'retry', scope: 'request' },
  { code: 2, class: 'retry', scope: 'request' },
  { code: -1, class: 'retry', scope: 'request' },
  { code: -3, class: 'retry', scope: 'request' },
  { code: 5000, class: 'retry', scope: 'request' },
  { code: 21009, class: 'retry', scope: 'request' },
  { code: 4, subcodes: [undefined, 1504022, 1504039, 7], class: 'throttle', scope: 'app' },
  { code: 1504022, class: 'throttle', scope: 'app' },
  { code: 1504039, class: 'throttle', scope: 'app' },
  { code: 17, subcodes: [undefined, 2446079], class: 'throttle', scope: 'token' },
  { code: 32, class: 'throttle', scope: 'page' },
  { code: 341, class: 'throttle', scope: 'app' },
  { code: 613, class: 'throttle', scope: 'token' },
  { code: 613, subcodes: [1996, 1487742, 5044001], class: 'throttle', scope: 'dataset' },
  { code: 80000, class: 'throttle', scope: 'dataset' },
  { code: 80001, class: 'throttle', scope: 'page' },
  { code: 80002, class: 'throttle', scope: 'dataset' },
  { code: 80003, class: 'throttle', scope: 'dataset' },
  { code: 80004, subcodes: [undefined, 2446079], class: 'throttle', scope: 'dataset' },
  { code: 80005, class: 'throttle', scope: 'page' },
  { code: 80006, class: 'throttle', scope: 'page' },
  { code: 80008, class: 'throttle', scope: 'dataset' },
  { code: 80009, class: 'throttle', scope: 'dataset' },
  { code: 80014, class: 'throttle', scope: 'dataset' },
  { code: 368, subcodes: [undefined, 1404078, 2859015], class: 'throttle', scope: 'token' },
  { code: 1404078, class: 'throttle', scope: 'token' },
  { code: 2859015, class: 'throttle', scope: 'token' },
  { code: 190, subcodes: [undefined, 458, 459, 460, 463, 464, 467, 492, 12345], class: 'reconnect', scope: 'token' },
  { code: 102, class: 'reconnect', scope: 'token' },
  { code: 450, class: 'reconnect', scope: 'token' },
  { code: 452, class: 'reconnect', scope: 'token' },
  { code: 2500, class: 'reconnect', scope: 'token' },
  { code: 104, class: 'configuration', scope: 'app' },
  { code: 2635, class: 'configuration', scope: 'app' },
  { code: 3, class: 'permission', scope: 'app' },
  { code: 10, class: 'permission', scope: 'token' },
  { code: 200, class: 'permission', scope: 'token' },
  { code: 275, class: 'permission', scope: 'token' },
  { code: 294, class: 'permission', scope: 'token' },
  { code: 299, class: 'permission', scope: 'token' },
  { code: 100, subcodes: [33], class: 'configuration', scope: 'dataset' },
  { code: 803, class: 'configuration', scope: 'dataset' },
  { code: 105, class: 'payload', scope: 'batch' },
  { code: 100, subcodes: [2804003, 2804004, 2804009, 2804023, 2804043, 2804050], class: 'payload', scope: 'event' },
  {
    code: 100,
    subcodes: [2804063, 2804066, 2804069, 2804079, 2804087, 2804116, 2804118, 2804132],
    class: 'payload',
    scope: 'event',
    known: false,
  },
  {
    code: 100,
    subcodes: [undefined, 2804001, 2804007, 2804008, 2804016, 2804017, 2804019, 2804030, 2804048, 2804999],
    class: 'payload',
    scope: 'event',
    known: false,
  },
  { code: 199, class: 'unknown', scope: 'event', known: false },
  { code: 300, class: 'unknown', scope: 'event', known: false },
  { code: 424242, class: 'unknown', scope: 'event', known: false },
]

t.test('every documented code has its class and scope, whatever the HTTP status is', async (t) => {
  for (const row of table)
    for (const subcode of row.subcodes ?? [undefined])
      for (const status of [400, 401, 403, 200]) {
        const error = classify({ code: row.code, ...(subcode !== undefined && { error_subcode: subcode }) }, status)
        const { code, class: kind, scope, known } = error
        t.match(
          { code, subcode: error.subcode, kind, scope, known },
          { code: row.code, subcode, kind: row.class, scope: row.scope, known: row.known ?? true },
          `${row.code}/${subcode ?? 'none'} with status ${status}`,
        )
        t.not(error.userText, '')
      }
})

t.test('a server error with an unknown code is a retry', async (t) => {
  t.match(classify({ code: 424242 }, 500), { class: 'retry', known: false })
  t.match(classify({ code: 100, error_subcode: 2804003 }, 500), { class: 'payload' }, 'a known code wins over the status')
})

t.test('is_transient makes a retry of anything but throttling', async (t) => {
  for (const code of [100, 190, 10, 803, 104, 424242]) t.match(classify({ code, is_transient: true }), { class: 'retry' }, String(code))
  t.match(classify({ code: 4, is_transient: true }), { class: 'throttle' })
  t.match(classify({ code: 2, is_transient: false }), { class: 'retry' })
})

t.test('the reasons why a token stopped working are told apart', async (t) => {
  const texts = [458, 459, 460, 463, 464, 467, 492, undefined].map(
    (subcode) => classify({ code: 190, ...(subcode !== undefined && { error_subcode: subcode }) }).userText,
  )
  t.equal(new Set(texts).size, texts.length)
})

t.test('an unknown server error counts as passing five times only', async (t) => {
  t.equal(classify({ code: 1, error_subcode: 99 }).retryLimit, 5)
  t.equal(classify({ code: 2 }).retryLimit, undefined)
})

t.test('a policy block waits hours and alerts', async (t) => {
  t.match(classify({ code: 368 }), { waitMs: 4 * 3_600_000, alert: true })
})

t.test('throttling takes its wait from the usage headers', async (t) => {
  const headers = {
    'x-business-use-case-usage': JSON.stringify({ '7': [{ type: 'ads_management', call_count: 100, estimated_time_to_regain_access: 5 }] }),
  }
  const text = JSON.stringify({ error: { code: 80004, error_subcode: 2446079 } })
  t.equal(classifyGraphError({ status: 400, headers, text }).waitMs, 300_000)
  const refused = JSON.stringify({ error: { code: 100 } })
  t.equal(classifyGraphError({ status: 400, headers, text: refused }).waitMs, undefined, 'other errors do not wait for it')
})

t.test("Meta's own words are kept for the customer, in any language", async (t) => {
  const error = classify({
    message: 'Invalid parameter',
    type: 'OAuthException',
    code: 100,
    error_data: '{"blame_field_specs":[["data",3,"event_time"]]}',
    error_subcode: 2804003,
    is_transient: false,
    error_user_title: "Horodatage de l'évènement trop ancien",
    error_user_msg: "L'horodatage de cet évènement est trop ancien. Envoyez-le dans les 7 jours.",
    fbtrace_id: 'AbC123',
  })
  t.match(error, {
    class: 'payload',
    title: "Horodatage de l'évènement trop ancien",
    message: "L'horodatage de cet évènement est trop ancien. Envoyez-le dans les 7 jours.",
    fields: ['data.3.event_time'],
    fbtraceId: 'AbC123',
  })
})

t.test('error_data may be an object, its text, or nonsense', async (t) => {
  const specs = {
    blame_field_specs: [
      ['data', 0, 'user_data', 'lead_id'],
      ['data', 1],
    ],
  }
  t.same(classify({ code: 100, error_data: specs }).fields, ['data.0.user_data.lead_id', 'data.1'])
  t.same(classify({ code: 100, error_data: JSON.stringify(specs) }).fields, ['data.0.user_data.lead_id', 'data.1'])
  for (const broken of ['{', [], 7, null, { blame_field_specs: 'data' }, { blame_field_specs: ['data'] }])
    t.same(classify({ code: 100, error_data: broken }).fields, [])
})

t.test('without user text the text for developers is shown, and long texts are cut', async (t) => {
  t.equal(classify({ code: 100, message: 'Invalid parameter' }).message, 'Invalid parameter')
  t.equal(classify({ code: 100 }).message, '')
  t.equal(classify({ code: 100, message: 'x'.repeat(9999) }).message.length, 500)
})

t.test('a code that comes as text counts like a number', async (t) => {
  t.match(classify({ code: '190', error_subcode: '463' }), { class: 'reconnect', code: 190, subcode: 463 })
})

t.test('answers that hold no code are judged by their status', async (t) => {
  const html = '<!DOCTYPE html><html><title>Error</title></html>'
  const rows: [status: number, text: string, kind: GraphError['class'], known: boolean][] = [
    [502, html, 'retry', true],
    [500, '', 'retry', true],
    [503, '{"error":{"mess', 'retry', true],
    [400, html, 'retry', false],
    [403, html, 'retry', false],
    [200, html, 'retry', false],
    [302, '', 'retry', false],
    [408, '', 'retry', true],
    [429, '', 'throttle', true],
    [429, html, 'throttle', true],
    [413, html, 'payload', true],
    [400, '', 'unknown', false],
    [404, '{}', 'unknown', false],
    [400, '{"error":"invalid_request"}', 'unknown', false],
    [400, '{"error":{"message":"no code"}}', 'unknown', false],
    [400, '[]', 'unknown', false],
    [400, 'null', 'unknown', false],
  ]
  for (const [status, text, kind, known] of rows)
    t.match(classifyGraphError({ status, headers: {}, text }), { class: kind, known, code: undefined }, `${status} ${text}`)
})

t.test('a body that was cut is judged by its code where that is still there', async (t) => {
  const whole = JSON.stringify({ error: { message: 'Too many calls', code: 4, is_transient: true, fbtrace_id: 'A' } })
  t.match(classifyGraphError({ status: 400, headers: {}, text: whole.slice(0, -8) }), { class: 'throttle', code: 4 })
  t.match(classifyGraphError({ status: 400, headers: {}, text: whole.slice(0, 20) }), { class: 'retry', known: false })
})

function classify(error: Record<string, unknown>, status = 400): GraphError {
  return classifyGraphError({ status, headers: {}, text: JSON.stringify({ error }) })
}

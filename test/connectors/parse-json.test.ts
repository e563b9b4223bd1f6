import t from 'tap'
import { parseJson } from '../../connectors/parse-json.ts'

t.test('integers beyond 2^53 keep all their digits as text', async (t) => {
  t.same(parseJson('{"id":12345678901234567,"ids":[-98765432109876543210]}'), { id: '12345678901234567', ids: ['-98765432109876543210'] })
})

t.test('everything else is as JSON.parse has it', async (t) => {
  for (const text of [
    '{"a":9007199254740991}',
    '{"a":0.12345678901234567}',
    '{"a":"12345678901234567"}',
    '[1e30,-0,null,true]',
    '1234567890123456',
  ])
    t.same(parseJson(text), JSON.parse(text), text)
  t.throws(() => parseJson('{"a":12345678901234567'), SyntaxError)
})

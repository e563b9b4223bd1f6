import t from 'tap'
import { statusLine } from '../../../server/settings/overview.ts'

const live = [{ mode: 'live' as const }]
const connection = { crm: 'hubspot', state: 'active' as const, notice: null }

t.test('one line says how a connection stands, the most urgent first', async (t) => {
  const cases: [Parameters<typeof statusLine>, { mood: string; text: RegExp }][] = [
    [[connection, live, [], 0], { mood: 'good', text: /in HubSpot is reported to Meta\.$/ }],
    [[connection, live, [], 1], { mood: 'good', text: / 1 event is waiting\.$/ }],
    [[connection, live, [], 38], { mood: 'good', text: / 38 events are waiting\.$/ }],
    [[connection, [], [], 0], { mood: 'attention', text: /no dataset is/ }],
    [[connection, [{ mode: 'shadow' }], [], 0], { mood: 'idle', text: /^Trying out/ }],
    [[connection, [{ mode: 'shadow' }, ...live], [], 0], { mood: 'good', text: /reported/ }],
    [[connection, live, [{ text: 'Meta has stopped.' }], 5], { mood: 'attention', text: /^Meta has stopped\.$/ }],
    [[{ ...connection, state: 'paused' }, live, [{ text: 'Meta has stopped.' }], 0], { mood: 'idle', text: /^Paused/ }],
    [[{ ...connection, state: 'attention', notice: 'Connect again.' }, live, [], 0], { mood: 'attention', text: /^Connect again\.$/ }],
    [[{ ...connection, state: 'attention' }, [], [], 0], { mood: 'attention', text: /HubSpot needs your attention/ }],
  ]
  for (const [given, wanted] of cases) t.match(statusLine(...given), wanted)
})

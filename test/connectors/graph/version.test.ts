import t from 'tap'
import { GRAPH_API } from '../../../connectors/graph/version.ts'

t.test('the Graph API version has more than 90 days to live', async (t) => {
  t.match(GRAPH_API.version, /^v\d+\.\d+$/)
  const daysLeft = (Date.parse(GRAPH_API.sunset) - Date.now()) / 86_400_000
  t.ok(daysLeft > 90, `${GRAPH_API.version} ends on ${GRAPH_API.sunset}: move to the next version now`)
})

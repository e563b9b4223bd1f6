/** One conversion event as it would go to Meta, of an invented person. */
import { leadStageRecord } from '../../../connectors/record.ts'
import { toConversionEvent } from '../../../mappings/conversion-event.ts'
import { rules } from '../../../mappings/rules.ts'
import { stageMapping } from '../../../mappings/stage-mapping.ts'

const AT = Date.UTC(2026, 0, 15, 9)

/** Pretty JSON; hashes are cut short. */
export function exampleEvent(): string {
  const record = leadStageRecord.parse({
    ...{ crm: 'salesforce', account: '00D000000000001EAA', recordType: 'lead', recordId: '00Q000000000001AAA' },
    stage: { source: 'lead_status', id: 'Qualified' },
    occurredAt: AT,
    identity: {
      ...{ metaLeadId: '12345678901234567', emails: ['ana@example.com'], phones: ['+1 650 555 0123'], firstName: 'Ana', lastName: 'Bauer' },
      ...{ city: 'Palo Alto', state: 'CA', postalCode: '94301', country: 'US' },
    },
  })
  const mapping = stageMapping.parse({ stages: [{ source: 'lead_status', stageId: 'Qualified', eventName: 'Qualified Lead' }] })
  const settings = { mapping, rules: rules.parse({}), leadEventSource: 'Salesforce', datasetId: '700000000000001' }
  const made = toConversionEvent(record, settings, AT + 60_000)
  if (made.kind !== 'event') throw new Error(`The example is not sent: ${made.kind}`)
  // Through text, so that the lead id keeps its digits.
  return indent(made.json.replace(/"([0-9a-f]{8})[0-9a-f]{56}"/g, '"$1…"'))
}

/** Line breaks and spaces into JSON, without reading its numbers. */
function indent(json: string): string {
  let depth = 0
  return json.replace(/"(?:[^"\\]|\\.)*"|[{}:,]/g, (part) => {
    if (part === '{') depth++
    if (part === '}') depth--
    const line = `\n${'  '.repeat(depth)}`
    if (part === '}') return line + part
    if (part === '{' || part === ',') return part + line
    return part === ':' ? ': ' : part
  })
}

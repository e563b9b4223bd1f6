import type { StageMapping } from '../../mappings/stage-mapping.ts'
import { csvHead, csvLine } from './csv.ts'

/** A mapping as CSV, in funnel order, the raw lead first. Pure. */
export function mappingCsv({ rawLead, stages }: StageMapping): string {
  const yes = (value: boolean) => (value ? 'yes' : 'no')
  return [
    csvHead(['stage_source', 'pipeline', 'stage', 'label', 'event_name', 'sent', 'negative', 'with_amount']),
    csvLine([null, null, null, 'new lead', rawLead.eventName, yes(rawLead.enabled), 'no', 'no']),
    ...stages.map((it) => {
      const sent = it.eventName !== null && !it.negative
      return csvLine([it.source, it.pipelineId, it.stageId, it.label, it.eventName, yes(sent), yes(it.negative), yes(it.sendAmount)])
    }),
  ].join('')
}

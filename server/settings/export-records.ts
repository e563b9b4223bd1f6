import type { Caller } from './caller.ts'
import { csvHead, csvLeadId, csvLine } from './csv.ts'
import { type ListedRecord, listRecords, type RecordFilter } from './list-records.ts'

const headings = [
  ...['changed_at', 'received_at', 'settled_at', 'connection', 'crm', 'account', 'record_type', 'record_id', 'meta_lead_id'],
  ...['stage_source', 'pipeline', 'stage', 'event_name', 'dataset', 'event_id', 'outcome', 'reason', 'text', 'match_keys', 'late'],
]

/** The ledger as CSV, the latest change first, in pieces. Throws `CodedError` `connection_unknown`. */
export async function* exportRecords(caller: Caller, filter: Omit<RecordFilter, 'limit' | 'after'>): AsyncGenerator<string> {
  let page = await listRecords(caller, { ...filter, limit: 1000 })
  yield csvHead(headings)
  for (;;) {
    yield page.records.map(line).join('')
    if (page.next === undefined) return
    page = await listRecords(caller, { ...filter, limit: 1000, after: page.next })
  }
}

function line(it: ListedRecord): string {
  return csvLine([
    ...[it.occurredAt, it.receivedAt, it.settledAt, it.connectionId, it.crm, it.account, it.record.type, it.record.id],
    ...[csvLeadId(it.metaLeadId), it.stage?.source, it.stage?.pipelineId, it.stage === null ? 'new lead' : it.stage.stageId],
    ...[it.eventName, it.datasetId, it.eventId, it.outcome, it.reason, it.text, it.keys.join(' '), it.late ? 'yes' : 'no'],
  ])
}

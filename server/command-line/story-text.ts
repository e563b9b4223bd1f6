import { lifeCycleText } from '../connections/life-cycle.ts'
import type { MetaAnswer } from '../settings/entry-text.ts'
import type { RecordStory, StoryEntry } from '../settings/record-story.ts'
import { facts, oneLine, time } from './output.ts'

/** The story of a record as text for a terminal. */
export function storyText(story: RecordStory): string {
  const { record, connection, lead } = story
  const name = (ref: { type: string; id: string } | undefined) => ref && `${ref.type}/${ref.id}`
  const head = facts([
    ['record', `${name(record)}, ${record.state}`],
    [
      'account',
      `${record.crm} ${record.account}, connection ${record.connectionId} (${lifeCycleText(connection.state, connection.stateReason)})`,
    ],
    ['in the CRM', record.url],
    ['created', time(record.createdAt)],
    ['first seen', time(record.firstSeenAt)],
    ['looked up', time(record.lookedUpAt) ?? 'not yet'],
    ['next look', time(record.lookAgainAt)],
    ['person', name(record.person)],
    ['merged into', name(record.survivor)],
    ['lead', lead === null ? 'none is known' : leadText(lead)],
    ['found how', lead?.identified.text],
    ['same lead', story.related.map((ref) => `${name(ref)} (connection ${ref.connectionId})`).join(', ')],
    ...story.notes.map(({ field, text }) => [`left out ${field}`, text] as const),
    [
      'set aside',
      connection.quarantined > 0
        ? `${connection.quarantined} packets of this connection (${connection.quarantineErrors.join(', ')})`
        : null,
    ],
  ])
  if (story.entries.length === 0) return `${head}\n\nNo stage change of it has been judged yet.`
  return [head, ...story.entries.map(entryText)].join('\n\n')
}

function leadText(lead: NonNullable<RecordStory['lead']>): string {
  const parts = [lead.metaLeadId === null ? 'no Meta lead id' : `Meta lead id ${lead.metaLeadId}`]
  if (lead.generatedAt !== null) parts.push(`generated ${time(lead.generatedAt)}`)
  if (lead.isTest) parts.push('a test lead')
  return `${parts.join(', ')}; known since ${time(lead.learnedAt)}`
}

function entryText(entry: StoryEntry): string {
  const { stage } = entry
  const title =
    stage === null
      ? 'new lead'
      : `${stage.label ?? stage.stageId} (${[stage.source, stage.pipelineId, stage.stageId].filter(Boolean).join(' ')})`
  const lines = facts([
    ['changed', time(entry.occurredAt)],
    ['received', [time(entry.receivedAt), entry.origin && `by ${entry.origin}`].filter(Boolean).join(' ')],
    ['mapped to', mappedTo(entry)],
    ['dataset', entry.datasetId],
    ['outcome', outcomeText(entry)],
    ['keys', entry.keys.join(', ')],
    ...entry.notes.map(({ field, text }) => [`left out ${field}`, text] as const),
    ['Meta said', entry.meta && metaText(entry.meta)],
    ['event id', entry.eventId],
  ])
  return `${oneLine(title)}\n${lines.replace(/^/gm, '  ')}`
}

function mappedTo({ eventName, mappingVersion, filled }: StoryEntry): string {
  if (eventName === null) return 'nothing'
  const by = [mappingVersion !== undefined && `version ${mappingVersion}`, filled && 'a skipped stage'].filter(Boolean).join(', ')
  return by === '' ? eventName : `${eventName} (${by})`
}

function outcomeText({ outcome, reason, text, settledAt, late }: StoryEntry): string {
  if (outcome === 'sent') return `sent ${time(settledAt)}${late ? ', after a later stage' : ''}`
  if (outcome === 'pending') return text === null ? 'on its way' : `on its way. ${oneLine(text)}`
  const when = settledAt === null ? '' : ` ${time(settledAt)}`
  return `${outcome}${when}${reason === null ? '' : `, ${reason}`}${text === null ? '' : `. ${oneLine(text)}`}`
}

function metaText({ code, subcode, status, title, message, messages = [], batch, received, fbtraceId }: MetaAnswer): string {
  const parts =
    code === undefined && status === undefined
      ? [received === undefined ? `took it, in a request of ${batch ?? '?'}` : `took ${received} of ${batch ?? '?'}`, ...messages]
      : [`error ${[code ?? `HTTP ${status}`, subcode].filter((part) => part !== undefined).join('/')}`, title, message]
  return oneLine([...parts, fbtraceId && `trace ${fbtraceId}`].filter(Boolean).join('; '))
}

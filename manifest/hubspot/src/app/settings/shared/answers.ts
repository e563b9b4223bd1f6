// Made by `npm run packages:kit`. Change what it is made from instead.
export type Session = {
  crm: { id: string; name: string }
  account: string
  userId: string
  admin: boolean
  expiresAt: string | null
  connection: { id: number; state: 'setup' | 'active' | 'attention' | 'paused'; workspace: string } | null
}
export type Overview = {
  status: { mood: 'good' | 'attention' | 'idle'; text: string }
  state: 'setup' | 'active' | 'attention' | 'paused' | 'removed'
  attention: {
    id: string
    subject: string
    about: string
    code: string
    text: string
    openedAt: string
    title: string
    action: ('reconnect' | 'renew_token' | 'resume_dataset' | 'check' | 'stages' | 'retry_quarantine' | 'activity' | 'connection') | null
  }[]
  unsent: { count: number; oldestAt: string | null }
  inbox: { count: number; oldestAt: string | null; quarantined: number }
  outcomes: { pending: number; sent: number; unconfirmed: number; waiting: number; suppressed: number; rejected: number; expired: number }
  lastSentAt: string | null
  lastChangeAt: string | null
}
export type FirstRun = {
  finished: boolean
  steps: {
    step: 'rights' | 'dataset' | 'others' | 'leads' | 'consent' | 'stages' | 'start' | 'first_event' | 'backfill'
    title: string
    state: 'done' | 'next' | 'later'
    text: string
    answer: { answer: string; by: string; at: string } | null
    answers: string[]
  }[]
  findings: { code: string; fatal: boolean; text: string }[] | null
  firstEvent: {
    record: { type: string; id: string }
    eventName: string | null
    sentAt: string | null
    meta: {
      fbtraceId?: string
      messages?: string[]
      received?: number
      batch?: number
      status?: number
      code?: number
      subcode?: number
      title?: string
      message?: string
    } | null
  } | null
}
export type Figures = {
  by: 'day' | 'stage' | 'event' | 'form' | 'ad' | 'campaign' | 'key' | 'dataset'
  from: string
  to: string
  timeZone: string
  asOf: string | null
  total: {
    leads: number
    covered: number
    captured: number
    capturedCovered: number
    sent: number
    unconfirmed: number
    rejected: number
    expired: number
    suppressed: number
  }
  coverage: { basis: 'captured' | 'seen' | 'none'; leads: number; covered: number; share: number | null; text: string }
  lines: {
    value: string
    name: string
    leads: number
    covered: number
    captured: number
    capturedCovered: number
    sent: number
    unconfirmed: number
    rejected: number
    expired: number
    suppressed: number
  }[]
}
export type StageReport = {
  from: string
  to: string
  matureLeads: number
  asOf: string | null
  stages: {
    eventName: string
    reached: number
    reachedIn28Days: number
    share: number | null
    medianHours: number | null
    covered: number
    perMonth: number | null
    conditions: {
      name: 'conversion' | 'time' | 'coverage' | 'volume' | 'stages'
      state: 'met' | 'not_met' | 'too_little_data'
      sample: number
      text: string
    }[]
    fits: boolean
  }[]
  common: {
    name: 'conversion' | 'time' | 'coverage' | 'volume' | 'stages'
    state: 'met' | 'not_met' | 'too_little_data'
    sample: number
    text: string
  }[]
  recommended: string | null
  closest: string | null
  text: string
}
export type Way = {
  datasetId: number
  metaId: string
  day: number | null
  steps: {
    step: 'accepted' | 'seen' | 'verified' | 'seven_days' | 'funnel' | 'learning'
    title: string
    state: 'done' | 'next' | 'waiting' | 'later'
    since: string | null
    known: string
    onlyMetaShows: string | null
    next: string | null
    tick?: { by: string; at: string } | null
  }[]
}
export type Mapping = {
  rawLead: { enabled: boolean; eventName: string }
  stages: {
    source: string
    pipelineId?: string
    stageId: string
    label: string
    eventName: string | null
    negative: boolean
    sendAmount: boolean
  }[]
}
export type Stages = {
  version: string
  rawLead: { enabled: boolean; eventName: string }
  stages: {
    source: string
    pipelineId?: string
    stageId: string
    label: string
    eventName: string | null
    negative: boolean
    sendAmount: boolean
    state: 'live' | 'archived' | 'vanished' | 'unknown'
  }[]
  unmapped: { source: string; pipelineId?: string; stageId: string; label: string; group: string }[]
  groups: {
    recordType: string
    source: string
    pipelineId?: string
    label: string
    stages: { id: string; label: string; order: number; kind: 'open' | 'won' | 'lost' | 'other'; archived: boolean; initial?: boolean }[]
  }[]
  problem: string | null
}
export type LeadRules = {
  version: string
  rules: {
    whichLeads: 'meta_leads' | 'lead_id_only' | 'anyone'
    confirmedSources: ({ field: string; equals: string } | { field: string; startsWith: string })[]
    consent: ({ field: string; equals: string } | { field: string; startsWith: string })[]
    optOut: ({ field: string; equals: string } | { field: string; startsWith: string })[]
    limitedDataUse: 'off' | 'us_states' | 'always'
    defaultCountry?: string
    externalId: boolean
    writeLeadId: boolean
    leadIdEncoding: 'integer' | 'string'
    repeats: boolean
    backward: boolean
    fillSkipped: boolean
  }
}
export type TriedRules = {
  people: number
  withLeadId: number
  permitted: number
  counting: { meta_leads: number; lead_id_only: number; anyone: number }
}
export type Field = { recordType: string; name: string; label: string; type: 'text' | 'number' | 'choice' | 'date' | 'other' }
export type FieldSample = { ref: { type: string; id: string }; values: Record<string, string | null>; identity: Record<string, string> }
export type CrmSettings = { version: string; settings: Record<string, unknown>; schema: Record<string, unknown> }
export type Preview = {
  record: { type: string; id: string }
  datasetId: string | null
  stages: {
    stage: { source: string; pipelineId?: string; id: string }
    occurredAt: string
    event: string | null
    reason: string | null
    text: string | null
    notes: { field: string; code: string; text: string }[]
  }[]
}
export type ReasonCount = {
  outcome: 'pending' | 'sent' | 'unconfirmed' | 'waiting' | 'suppressed' | 'rejected' | 'expired'
  reason: string | null
  count: number
  text: string | null
}
export type RecordPage = {
  records: {
    occurredAt: string
    receivedAt: string
    stage: { source: string; pipelineId?: string; stageId: string; label?: string } | null
    eventName: string | null
    datasetId: string
    eventId: string
    outcome: 'pending' | 'sent' | 'unconfirmed' | 'waiting' | 'suppressed' | 'rejected' | 'expired'
    reason: string | null
    text: string | null
    settledAt: string | null
    keys: string[]
    late: boolean
    record: { type: string; id: string }
    metaLeadId: string | null
  }[]
  next?: string
}
export type Reevaluation = {
  candidates: {
    outcome: 'pending' | 'sent' | 'unconfirmed' | 'waiting' | 'suppressed' | 'rejected' | 'expired'
    reason: string | null
    rawLead: boolean
    count: number
  }[]
  last: {
    id: number
    reason: string | null
    entries: number
    requestedBy: string
    requestedAt: string
    counts: {
      outcome: 'pending' | 'sent' | 'unconfirmed' | 'waiting' | 'suppressed' | 'rejected' | 'expired'
      reason: string | null
      rawLead: boolean
      count: number
    }[]
  } | null
}
export type Story = {
  record: {
    type: string
    id: string
    url?: string
    state: 'live' | 'gone' | 'erased'
    createdAt: string | null
    firstSeenAt: string
    lookedUpAt: string | null
    lookAgainAt: string | null
    person?: { type: string; id: string }
    survivor?: { type: string; id: string }
  }
  lead: {
    metaLeadId: string | null
    generatedAt: string | null
    learnedAt: string
    isTest: boolean
    identified: { by: string; text: string }
  } | null
  notes: { field: string; code: string; text: string }[]
  related: { type: string; id: string }[]
  entries: {
    occurredAt: string
    receivedAt: string
    stage: { source: string; pipelineId?: string; stageId: string; label?: string } | null
    eventName: string | null
    datasetId: string
    eventId: string
    outcome: 'pending' | 'sent' | 'unconfirmed' | 'waiting' | 'suppressed' | 'rejected' | 'expired'
    reason: string | null
    text: string | null
    settledAt: string | null
    keys: string[]
    late: boolean
    notes: { field: string; code: string; text: string }[]
    filled: boolean
    meta?: {
      fbtraceId?: string
      messages?: string[]
      received?: number
      batch?: number
      status?: number
      code?: number
      subcode?: number
      title?: string
      message?: string
    }
  }[]
}
export type Backfill = {
  id: number
  state: 'planned' | 'dry_running' | 'ready' | 'running' | 'paused' | 'done' | 'cancelled' | 'failed'
  from: string
  to: string
  forecast: {
    records: number
    stages: number
    refused: number
    counts: {
      outcome: 'pending' | 'sent' | 'unconfirmed' | 'waiting' | 'suppressed' | 'rejected' | 'expired'
      reason: string | null
      rawLead: boolean
      count: number
    }[]
  } | null
  records: number
  counts: {
    outcome: 'pending' | 'sent' | 'unconfirmed' | 'waiting' | 'suppressed' | 'rejected' | 'expired'
    reason: string | null
    rawLead: boolean
    count: number
  }[]
  remainingMs: number | null
  hindrance: ('connection' | 'inbox' | 'outbox') | null
  errorText: string | null
  requestedBy: string
  requestedAt: string
  confirmedAt: string | null
  finishedAt: string | null
}
export type Connection = {
  id: number
  crm: string
  crmName: string
  account: string
  name: string
  workspace: string
  state: 'setup' | 'active' | 'attention' | 'paused' | 'removed'
  stateReason: string | null
  lifeCycle: string
  notice: string | null
  scopes: string[]
  createdAt: string
  sandbox: boolean
  arrival: ('push' | 'stream' | 'poll') | null
  standing: { state: string | null; text: string | null; since: string | null; changedAt: string | null; tended: boolean } | null
  inbox: number
  quarantined: number
  lastChangeAt: string | null
  coveredUntil: string | null
  catchUpMinutes: number | null
}
export type Finding = { code: string; fatal: boolean; text: string }
export type Dataset = {
  id: number
  metaId: string
  state: 'active' | 'held'
  access: 'pasted' | 'login' | 'shared' | 'extension'
  tokenExpiresAt: string | null
  tokenCheckedAt: string | null
  crmDataset: ('yes' | 'no' | 'unknown') | null
  testUntil: string | null
  holdReason: string | null
  holdText: string | null
  heldSince: string | null
  sleepUntil: string | null
  unsent: number
  oldest: string | null
}
export type Route = {
  id: number
  version: string
  datasetId: number
  metaId: string
  mode: 'live' | 'shadow'
  filter: { pipelineIds?: string[]; recordTypes?: string[] }
}
export type Recipient = {
  id: number
  kind: 'email' | 'webhook'
  address: string
  digest: boolean
  createdAt: string
  lastSentAt: string | null
  problem: string | null
}

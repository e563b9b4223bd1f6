/**
 * The tables as Kysely sees them; `migrations/` is the truth. How PostgreSQL's types arrive: bigint as text (it can exceed
 * 2^53), timestamptz as `Date`, jsonb parsed, bytea as `Buffer`. `-infinity` is written as text and arrives as a number.
 */
import type { ColumnType, Generated, Selectable } from 'kysely'

type BigintId = ColumnType<string, never, never>
type Bigint = ColumnType<string, string | number | bigint, string | number | bigint>
type Instant = ColumnType<Date, Date | string, Date | string>
type InstantByDefault = ColumnType<Date, Date | string | undefined, Date | string>
type Nullable<T> = T extends ColumnType<infer S, infer I, infer U> ? ColumnType<S | null, I | null | undefined, U | null> : T | null
/** A day, `YYYY-MM-DD`. To be read as text (`day::text`): the driver would make a midnight of this machine of it. */
type Day = ColumnType<Date, string, string>
/** JSON goes in as text: an array given as a value would become a PostgreSQL array. */
type Json = ColumnType<unknown, string, string>
type JsonByDefault = ColumnType<unknown, string | undefined, string>

export interface WorkspaceTable {
  id: Generated<number>
  name: string
  external_business_id: Generated<string>
  created_at: InstantByDefault
  missing_after_minutes: Generated<number>
}

export type ConnectionState = 'setup' | 'active' | 'attention' | 'paused' | 'removed'
export interface ConnectionTable {
  id: Generated<number>
  workspace_id: number
  crm: string
  account_key: string
  name: Generated<string>
  state: Generated<ConnectionState>
  state_reason: string | null
  scopes: Generated<string[]>
  settings: JsonByDefault
  rules: JsonByDefault
  created_at: InstantByDefault
  catch_up_minutes: number | null
  arrival: 'push' | 'stream' | 'poll' | null
  sandbox: Generated<boolean>
  disconnected_at: Nullable<Instant>
  removed_at: Nullable<Instant>
  purged_at: Nullable<Instant>
}

/** Whether a dataset is one for CRM events, as somebody said. */
export type CrmDataset = 'yes' | 'no' | 'unknown'
export interface DatasetTable {
  id: Generated<number>
  workspace_id: number
  meta_id: string
  state: Generated<'active' | 'held'>
  hold_reason: string | null
  hold_text: string | null
  held_since: Nullable<Instant>
  sleep_until: Nullable<Instant>
  failures: Generated<number>
  unknown_error: string | null
  unknown_error_count: Generated<number>
  created_at: InstantByDefault
  access: Generated<'pasted' | 'login' | 'shared' | 'extension'>
  token_expires_at: Nullable<Instant>
  token_checked_at: Nullable<Instant>
  crm_dataset: CrmDataset | null
  test_event_code: string | null
  test_event_until: Nullable<Instant>
}

export interface RouteTable {
  id: Generated<number>
  connection_id: number
  dataset_id: number
  filter: JsonByDefault
  mode: Generated<'live' | 'shadow'>
  created_at: InstantByDefault
  sent_one: Nullable<string>
  sent_one_at: Nullable<Instant>
}

export interface MappingTable {
  connection_id: number
  version: number
  body: Json
  created_at: InstantByDefault
  created_by: string
}

export interface SecretTable {
  owner: string
  purpose: string
  key_id: string
  sealed: Buffer
  changed_at: InstantByDefault
}

export interface LeaseTable {
  key: string
  owner: string
  fence: Bigint
  until: Instant
}

export interface CursorTable {
  connection_id: number
  channel: string
  position: string | null
  covered_until: Nullable<Instant>
  due_at: InstantByDefault
  changed_at: Nullable<Instant>
  standing: string | null
  standing_text: string | null
  standing_at: Nullable<Instant>
  wanted_until: Nullable<Instant>
}

export interface PacketTable {
  id: string
  connection_id: number
  body: Buffer
  changes: number
  received_at: Instant
  not_before: InstantByDefault
  attempts: Generated<number>
  claimed_by: string | null
  claimed_until: InstantByDefault
  last_error: string | null
  quarantined: Generated<boolean>
  backfill_id: number | null
}

export interface LeadTable {
  id: BigintId
  workspace_id: number
  meta_lead_id: string | null
  generated_at: Nullable<Instant>
  learned_at: Instant
  is_test: Generated<boolean>
  form_id: string | null
  ad_id: string | null
  campaign_id: string | null
  adset_id: string | null
  platform: string | null
  organic: boolean | null
  captured_at: Nullable<Instant>
  captured_by: number | null
}

export interface MetaNameTable {
  workspace_id: number
  kind: 'form' | 'ad' | 'adset' | 'campaign'
  id: string
  name: string
}

export interface LeadKeyTable {
  workspace_id: number
  kind: string
  hash: Buffer
  lead_id: Bigint
}

export interface RecordTable {
  id: BigintId
  connection_id: number
  type: string
  record_id: string
  state: Generated<'live' | 'gone' | 'erased'>
  lead_id: Nullable<Bigint>
  person_id: Nullable<Bigint>
  survivor_id: Nullable<Bigint>
  created_at: Nullable<Instant>
  first_seen_at: Instant
  profile: Nullable<Json>
  looked_up_at: Nullable<Instant>
  look_again_at: Nullable<Instant>
  looks: Generated<number>
  stages: Nullable<Json>
  history_read_to: Nullable<Instant>
}

export interface MilestoneTable {
  dataset_id: number
  lead_id: Bigint
  event_name: string
  occurred_at: Instant
  event_id: string
  raw_lead: Generated<boolean>
}

export type Outcome = 'pending' | 'sent' | 'unconfirmed' | 'waiting' | 'suppressed' | 'rejected' | 'expired'
export interface LedgerTable {
  occurred_at: Instant
  event_id: string
  connection_id: number
  dataset_id: number
  record_id: Bigint
  lead_id: Nullable<Bigint>
  stage_key: string
  event_name: string | null
  outcome: Outcome
  reason: string | null
  detail: Nullable<Json>
  received_at: Instant
  settled_at: Nullable<Instant>
  backfill_id: number | null
  reevaluation_id: number | null
}

export interface OutboxTable {
  dataset_id: number
  occurred_at: Instant
  event_id: string
  connection_id: number
  record_id: Bigint
  lead_id: Bigint
  position: Generated<number>
  payload: string
  batch_cap: Generated<number>
  attempts: Generated<number>
  short_counts: Generated<number>
  not_before: InstantByDefault
  late: Generated<boolean>
}

export interface TombstoneTable {
  workspace_id: number
  kind: string
  hmac: Buffer
  created_at: InstantByDefault
}

export interface AuditTable {
  id: BigintId
  workspace_id: number
  at: InstantByDefault
  actor: string
  action: string
  subject: string
  detail: JsonByDefault
}

export interface NoticeTable {
  id: BigintId
  workspace_id: number
  subject: string
  code: string
  text: string
  opened_at: InstantByDefault
  closed_at: Nullable<Instant>
}

export interface TallyTable {
  name: string
  count: ColumnType<string, string | number | bigint | undefined, string | number | bigint>
}

export type BackfillState = 'planned' | 'dry_running' | 'ready' | 'running' | 'paused' | 'done' | 'cancelled' | 'failed'
export interface BackfillTable {
  id: Generated<number>
  workspace_id: number
  connection_id: number
  state: Generated<BackfillState>
  period_from: Instant
  period_to: Instant
  forecast: Nullable<Json>
  position: string | null
  read_all: Generated<boolean>
  records: Generated<number>
  resumed_at: Nullable<Instant>
  resumed_records: Generated<number>
  error: string | null
  error_text: string | null
  requested_by: string
  requested_at: InstantByDefault
  confirmed_at: Nullable<Instant>
  finished_at: Nullable<Instant>
}

export interface ReevaluationTable {
  id: Generated<number>
  workspace_id: number
  connection_id: number
  reason: string | null
  entries: Generated<number>
  requested_by: string
  requested_at: InstantByDefault
}

export interface WireSchemaTable {
  crm: string
  id: string
  body: string
  created_at: InstantByDefault
}

export interface InvitationTable {
  id: Generated<number>
  token_hash: Buffer
  workspace_id: number
  purpose: 'crm' | 'dataset'
  crm: string | null
  auth_url: string | null
  connection_id: number | null
  created_by: string
  created_at: InstantByDefault
  expires_at: Instant
  used_at: Nullable<Instant>
  account: string | null
}

export interface ConsentTable {
  state_hash: Buffer
  browser_hash: Buffer
  invitation_id: number
  verifier: Buffer
  expires_at: Instant
  answered_at: Nullable<Instant>
  connection_id: number | null
  meta_id: string | null
  crm_dataset: CrmDataset | null
}

export interface FirstRunTable {
  connection_id: number
  step: string
  answer: string
  answered_by: string
  answered_at: InstantByDefault
}

export interface PageSessionTable {
  token_hash: Buffer
  crm: string
  account: string
  user_id: string
  admin: boolean
  host: string | null
  sign_in_id: Nullable<string>
  expires_at: Instant
}

export interface PageSignInTable {
  id: string
  word_hash: Buffer
  word_before: Nullable<Buffer>
  renewal_id: Nullable<string>
  crm: string
  account: string
  user_id: string
  admin: boolean
  host: string | null
  ends_at: Instant
}

export interface PagePassTable {
  hash: Buffer
  purpose: 'opening' | 'signing_in' | 'signed_in' | 'download'
  body: JsonByDefault
  used_at: Nullable<Instant>
  expires_at: Instant
}

export interface PageAnswerTable {
  asker: string
  request_id: string
  request_hash: Buffer
  answer: Buffer | null
  begun_at: InstantByDefault
}

export interface DeletionRequestTable {
  code: string
  request_hash: Buffer
  received_at: InstantByDefault
  leads: number
}

export interface DailyRollupTable {
  workspace_id: number
  dimension: string
  day: Day
  value: string
  leads: number
  covered: number
  captured: number
  captured_covered: number
  sent: number
  unconfirmed: number
  rejected: number
  expired: number
  suppressed: number
  accepted_at: Nullable<Instant>
  delays: Nullable<Json>
}

export interface RolledDayTable {
  day: Day
  rolled_at: Instant
  took_ms: number
  final: Generated<boolean>
}

export interface WayTickTable {
  dataset_id: number
  step: string
  ticked_by: string
  ticked_at: InstantByDefault
}

export interface WriteBackTable {
  record_id: Bigint
  connection_id: number
  attempts: Generated<number>
  not_before: InstantByDefault
  meta_lead_id: string | null
  failure: string | null
}

export interface CrmPaceTable {
  connection_id: number
  bucket: string
  taken: Date[]
  paused_until: Date | null
}

export interface Tables {
  workspace: WorkspaceTable
  connection: ConnectionTable
  dataset: DatasetTable
  route: RouteTable
  mapping: MappingTable
  secret: SecretTable
  lease: LeaseTable
  cursor: CursorTable
  crm_pace: CrmPaceTable
  packet: PacketTable
  lead: LeadTable
  lead_key: LeadKeyTable
  meta_name: MetaNameTable
  record: RecordTable
  milestone: MilestoneTable
  ledger: LedgerTable
  outbox: OutboxTable
  tombstone: TombstoneTable
  audit: AuditTable
  notice: NoticeTable
  tally: TallyTable
  backfill: BackfillTable
  reevaluation: ReevaluationTable
  invitation: InvitationTable
  consent: ConsentTable
  wire_schema: WireSchemaTable
  deletion_request: DeletionRequestTable
  first_run: FirstRunTable
  page_session: PageSessionTable
  page_sign_in: PageSignInTable
  page_pass: PagePassTable
  page_answer: PageAnswerTable
  daily_rollup: DailyRollupTable
  rolled_day: RolledDayTable
  way_tick: WayTickTable
  write_back: WriteBackTable
}

/** A row as it is read. */
export type Row<Name extends keyof Tables> = Selectable<Tables[Name]>

/** What the page reads and changes, each typed by the schema that the API answers with. Only types come from the server. */
import type { z } from 'zod'
import type { connection, dataset, finding, route } from '../../../api/account.ts'
import type { outcome, reasonCount, recordPage, reevaluation, story } from '../../../api/activity.ts'
import type { backfill } from '../../../api/backfills.ts'
import type { datasetWays } from '../../../api/dataset-access.ts'
import type { figures, stageReport, way } from '../../../api/figures.ts'
import type { firstRun, sentOne } from '../../../api/first-run.ts'
import type { leadImport } from '../../../api/import.ts'
import type { crmSettings, field, fieldSample, leadPreview, leadRules, missingLeads, triedRules } from '../../../api/leads.ts'
import type { overview } from '../../../api/overview.ts'
import type { digest, recipient } from '../../../api/people.ts'
import type { session } from '../../../api/session.ts'
import type { mapping, mappingVersion, stages } from '../../../api/stages.ts'
import type { auditPage, notice } from '../../../api/trail.ts'
import type { noticeAction, words } from '../../../api/words.ts'
import { change, read, sendTable, tryOut } from './client.ts'

/** As JSON carries it. */
type Json<T> = T extends Date ? string : T extends (infer Item)[] ? Json<Item>[] : T extends object ? { [Key in keyof T]: Json<T[Key]> } : T
type Answer<Schema extends z.ZodType> = Json<z.output<Schema>>

export type Session = Answer<typeof session>
export type Overview = Answer<typeof overview>
export type NoticeAction = z.output<typeof noticeAction>
export type FirstRun = Answer<typeof firstRun>
export type SentOne = Answer<typeof sentOne>
export type Figures = Answer<typeof figures>
export type StageReport = Answer<typeof stageReport>
export type Way = Answer<typeof way>
export type Stages = Answer<typeof stages>
export type Mapping = Answer<typeof mapping>
export type MappingVersion = Answer<typeof mappingVersion>
export type LeadRules = Answer<typeof leadRules>
export type Rules = LeadRules['rules']
export type TriedRules = Answer<typeof triedRules>
export type Field = Answer<typeof field>
export type FieldSample = Answer<typeof fieldSample>
export type MissingLeads = Answer<typeof missingLeads>
export type LeadImport = Answer<typeof leadImport>
export type CrmSettings = Answer<typeof crmSettings>
export type Preview = Answer<typeof leadPreview>
export type Outcome = z.output<typeof outcome>
export type ReasonCount = Answer<typeof reasonCount>
export type RecordPage = Answer<typeof recordPage>
export type Story = Answer<typeof story>
export type Reevaluation = Answer<typeof reevaluation>
export type Backfill = Answer<typeof backfill>
export type Connection = Answer<typeof connection>
export type Finding = Answer<typeof finding>
export type Dataset = Answer<typeof dataset>
export type DatasetWays = Answer<typeof datasetWays>
export type Route = Answer<typeof route>
/** The version of a route that is not there yet. */
export const NO_ROUTE = 'none'
export type Recipient = Answer<typeof recipient>
export type Digest = Answer<typeof digest>
export type Notice = Answer<typeof notice>
export type AuditPage = Answer<typeof auditPage>
export type Words = Answer<typeof words>

const resource = <T>(path: string) => ({ queryKey: [path] as const, queryFn: () => read<T>(path) })
const query = (values: Record<string, string | number | undefined>) =>
  new URLSearchParams(
    Object.entries(values).flatMap(([name, value]) => (value === undefined ? [] : [[name, String(value)] as [string, string]])),
  ).toString()

export const resources = {
  session: resource<Session>('/session'),
  overview: resource<Overview>('/overview'),
  firstRun: resource<FirstRun>('/first-run'),
  sentOnes: resource<SentOne[]>('/first-run/sent'),
  figures: (by: Figures['by'], days = 28) => resource<Figures>(`/figures?${query({ by, days })}`),
  stageReport: resource<StageReport>('/figures/stages'),
  way: resource<Way[]>('/figures/way'),
  stages: resource<Stages>('/stages'),
  mappingVersions: resource<MappingVersion[]>('/mapping/versions'),
  proposal: resource<Mapping>('/mapping/proposal'),
  rules: resource<LeadRules>('/rules'),
  triedRules: (rules: Partial<Rules>) => ({
    queryKey: ['/rules/try', rules] as const,
    queryFn: () => tryOut<TriedRules>('/rules/try', { rules }),
  }),
  preview: (mapping?: Mapping) => ({
    queryKey: ['/preview', mapping] as const,
    queryFn: () => tryOut<Preview>('/preview', mapping === undefined ? {} : { mapping }),
  }),
  fields: resource<Field[]>('/fields'),
  fieldSamples: (names: string[]) => resource<FieldSample[]>(`/fields/samples?${query({ names: names.join(',') })}`),
  crmSettings: resource<CrmSettings>('/crm-settings'),
  /** The latest few first, since more stands below them. */
  missing: (after?: string) => resource<MissingLeads>(`/leads/missing?${query({ limit: after === undefined ? 10 : 50, after })}`),
  counts: resource<ReasonCount[]>('/records/counts'),
  records: (filter: { outcome?: Outcome | undefined; reason?: string | undefined; after?: string | undefined }) =>
    resource<RecordPage>(`/records?${query({ limit: 25, ...filter })}`),
  story: (record: { type: string; id: string }) => resource<Story>(`/record?${query(record)}`),
  reevaluation: resource<Reevaluation>('/reevaluation'),
  backfills: resource<Backfill[]>('/backfills'),
  connection: resource<Connection>('/connection'),
  check: resource<Finding[]>('/connection/check'),
  datasets: resource<Dataset[]>('/datasets'),
  datasetWays: resource<DatasetWays>('/datasets/ways'),
  routes: resource<Route[]>('/routes'),
  recipients: resource<Recipient[]>('/recipients'),
  digest: resource<Digest>('/digest'),
  notices: resource<Notice[]>('/notices?closed=true'),
  audit: (after?: string) => resource<AuditPage>(`/audit?${query({ limit: 20, after })}`),
  words: resource<Words>('/words'),
}

export const changes = {
  connect: () => change<{ url: string }>('POST', '/connect'),
  answerFirstRun: (body: { step: string; answer: string }) => change<FirstRun>('POST', '/first-run/answer', body),
  sendOne: (body: { record: { type: string; id: string }; eventId: string }) => change<SentOne>('POST', '/first-run/send', body),
  tick: ({ datasetId, ...body }: { datasetId: number; step: string; done: boolean }) =>
    change<{ changed: boolean }>('POST', `/figures/way/${datasetId}/tick`, body),
  saveMapping: (body: { version: string; mapping: Mapping; confirmed?: boolean }) => change<{ version: string }>('PUT', '/mapping', body),
  saveRules: (body: { version: string; rules: { [Name in keyof Rules]?: Rules[Name] | null } }) => change<LeadRules>('PUT', '/rules', body),
  saveCrmSettings: (body: { version: string; settings: Record<string, unknown> }) => change<CrmSettings>('PUT', '/crm-settings', body),
  /** Without `confirm` it is only told what the table would bring. */
  importLeads: ({ table, country, confirm }: { table: ArrayBuffer; country: string; confirm?: string }) =>
    sendTable<LeadImport>(`/leads/import?${query({ country: country || undefined, confirm })}`, table),
  saveMissingAfter: (body: { version: string; afterMinutes: number }) => change<MissingLeads>('PUT', '/leads/missing', body),
  createLeadIdField: () => change<{ name: string }>('POST', '/lead-id-field'),
  retryRecord: (record: { type: string; id: string }) => change<{ retried: number }>('POST', '/record/retry', { record }),
  retryQuarantine: () => change<{ packets: number }>('POST', '/quarantine/retry'),
  reevaluate: (reason?: string) => change<{ entries: number }>('POST', '/reevaluation', reason === undefined ? {} : { reason }),
  planBackfill: (days: number) => change<Backfill>('POST', '/backfills', { days }),
  stepBackfill: ({ id, step }: { id: number; step: 'confirm' | 'pause' | 'resume' | 'cancel' }) =>
    change<Backfill>('POST', `/backfills/${id}/${step}`),
  pause: () => change<Connection>('POST', '/connection/pause'),
  resume: () => change<Connection>('POST', '/connection/resume'),
  catchUp: () => change<{ coveredUntil: string }>('POST', '/connection/catch-up'),
  leave: (account: string) => change<{ left: string; text: string | null }>('POST', '/connection/leave', { account }),
  saveDataset: (body: { metaId: string; token?: string; crmDataset: string; withoutProof?: boolean }) =>
    change<{ id: number; created: boolean; name: string | null }>('POST', '/datasets', body),
  answerCrmDataset: ({ id, ...body }: { id: number; answer: NonNullable<Dataset['crmDataset']> }) =>
    change<unknown>('POST', `/datasets/${id}/crm`, body),
  leaveDataset: ({ id, ...body }: { id: number; metaId: string }) => change<{ text: string | null }>('POST', `/datasets/${id}/leave`, body),
  resumeDataset: (id: number) => change<{ wasHeld: boolean }>('POST', `/datasets/${id}/resume`),
  saveRoute: ({ datasetId, ...body }: { datasetId: number; version: string; mode?: Route['mode']; filter?: Route['filter'] }) =>
    change<Route>('PUT', `/routes/${datasetId}`, body),
  removeRoute: (datasetId: number) => change<unknown>('POST', `/routes/${datasetId}/remove`),
  addRecipient: (to: { email: string } | { url: string }) => change<{ secret?: string }>('POST', '/recipients', { to }),
  removeRecipient: (id: number) => change<null>('POST', `/recipients/${id}/remove`),
  testRecipient: (id: number) => change<{ address: string }>('POST', `/recipients/${id}/test`),
  saveDigest: (body: Partial<Digest> & { version: string }) => change<Digest>('PUT', '/digest', body),
  invite: (what: 'dataset' | 'crm') => change<{ url: string; expiresAt: string }>('POST', '/invitations', { what }),
  download: (what: 'records' | 'mapping' | 'audit' | 'configuration' | 'lead-ids' | 'missing-leads') =>
    change<{ url: string }>('POST', '/downloads', { what }),
}

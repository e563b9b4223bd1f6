/**
 * The contract between the core and a CRM. A connector is data (its manifest) and small functions that hold no state and
 * store nothing; it knows its CRM's wire formats and nothing of Meta, HTTP routes or the database. Everything that needs
 * the CRM's API gets a `ConnectionContext`, whose client the core has already given tokens, limits, time-outs and retries.
 * A connector throws only `CodedError`.
 */
import type { z } from 'zod'
import type { CodedError } from './errors.ts'
import type { LeadIdentity } from './record.ts'

// ---------------------------------------------------------------------------------------------------------- manifest

/** At most `count` requests per `perMs` milliseconds and connection, `concurrent` of them at a time. */
export interface RateLimit {
  count: number
  perMs: number
  concurrent: number
  /** A share of another bucket: what counts against this one counts against that one, too. */
  within?: string
  /** Requests rest while more than this share (0 to 1) of what `Connector.usage` tells is used: what can wait makes room. */
  yieldsAt?: number
}

export type Arrival = 'push' | 'stream' | 'poll'

export interface ConnectorManifest {
  /** Registry key, and `crm` of every record: lower case, never changed. */
  id: string
  /** What people call it. */
  displayName: string
  /** The value of `custom_data.lead_event_source`; one fixed spelling. */
  leadEventSource: string
  /** Ways in which changes arrive, preferred first. */
  arrival: Arrival[]
  /** What the CRM still knows of earlier stages, and how far a pushed and a historic time of one change may differ. */
  history: { quality: 'exact' | 'snapshot' | 'none'; clockToleranceMs: number }
  /** Request limits by bucket; `default` is used where a request names none. */
  limits: { default: RateLimit; [bucket: string]: RateLimit }
  /**
   * Version of the CRM's API, in one place, with the day it stops working (YYYY-MM-DD), and where the vendor serves it.
   * Absent: the CRM is never asked; it needs no credentials of ours, and its stages are known from what arrives.
   */
  api?: {
    version: string
    sunset: string
    baseUrl: string
    streamUrl?: string
    /** It is Meta's own: one app of ours serves this and the sending of events, and is configured once. */
    ofMeta?: true
  }
  /** How often a connection is polled where changes arrive that way, milliseconds. */
  pollMs?: number
  /** Between two rounds of lookups for one connection, milliseconds, so that many changes share one. Absent: at once. */
  lookupEveryMs?: number
  /** The source is Meta itself: its records are leads, told with `RecordSnapshot.metaLead`, and no CRM names them. */
  capturesLeads?: true
  /** Settings of one connection that this connector understands, with defaults for all. */
  settings: z.ZodType
}

// ------------------------------------------------------------------------------------------------------------- wires

/** A request as it came over the wire. */
export interface RawRequest {
  method: string
  /** Request target (path and query) exactly as received, not decoded. */
  target: string
  /** Origin under which the CRM reaches us, from configuration; never derived from `Host`. */
  publicUrl: string
  /** Lower-case names; repeated headers arrive joined by a comma. */
  headers: Readonly<Record<string, string | undefined>>
  body: Buffer
  /** Our clock when the request was read. */
  receivedAt: number
}

export interface HttpRequest {
  method: 'GET' | 'POST' | 'PATCH' | 'PUT' | 'DELETE'
  /** Absolute URL for `HttpPort`; path below the CRM's base URL for `CrmClient`. */
  url: string
  query?: Record<string, string>
  headers?: Record<string, string>
  /** Sent as JSON. */
  json?: unknown
  /** Sent form-encoded. */
  form?: Record<string, string>
}
export interface HttpReply {
  status: number
  headers: Readonly<Record<string, string | undefined>>
  text: string
}
/** A bare HTTP exchange with a time-out; rejects with a `CodedError` (`network`) when no answer came. */
export type HttpPort = (request: HttpRequest) => Promise<HttpReply>

export interface CrmRequest extends HttpRequest {
  /** Which of the manifest's limits this request counts against. */
  bucket?: string
  /** Statuses outside 2xx that the caller wants returned instead of thrown. */
  expect?: number[]
}
export interface CrmReply {
  status: number
  /** Parsed JSON with integers beyond 2^53 as strings; `undefined` for an empty body. */
  body: unknown
}
/** Authenticated requests for one connection: tokens, limits, the CRM's retry delays and redaction are taken care of. */
export interface CrmClient {
  request(request: CrmRequest): Promise<CrmReply>
}

/** What a connector function gets to know about the connection it works for. */
export interface ConnectionContext<Settings = unknown> {
  client: CrmClient
  /** Account key of the CRM (portal id, org id). */
  account: string
  scopes: readonly string[]
  /** Parsed by the manifest's `settings`. */
  settings: Settings
  /** CRM fields that the rules of the connection look at; every lookup returns them in `RecordSnapshot.fields`. */
  ruleFields: readonly string[]
}

// ----------------------------------------------------------------------------------------------------------- install

/** Our own credentials at the CRM, from configuration. */
export interface AppCredentials {
  appId: string
  clientId: string
  /** Current secret first; earlier ones are still accepted for signatures while a rotation runs. */
  clientSecrets: readonly string[]
  /** Where the CRM's API lives, or where its accounts sign in; differs from the vendor's only in tests and demos. */
  baseUrl: string
  /** Where its stream lives, for CRMs that have one. */
  streamUrl?: string
  /** Where people sign in, for those who do that at another place than their API's. */
  signInUrl?: string
  /** Which of several ways of asking for consent, set up at the vendor, is ours. */
  loginConfig?: string
  /** The word by which a handshake is known to be for us. */
  verifyToken?: string
}
export interface TokenGrant {
  accessToken: string
  refreshToken: string
  /** Milliseconds since the epoch. */
  expiresAt: number
  account: string
  scopes: string[]
  /** Origin of this account's own API, where accounts have one each. The token goes there only. */
  apiUrl?: string
  /** Origin that gave the grant and renews it, where there are several. */
  authUrl?: string
  /** A place to try things out: nothing is sent from it before somebody says so. */
  sandbox?: boolean
}
/** What a consent gave; `others`: further accounts that it opened. */
export type WonGrant = TokenGrant & { others?: TokenGrant[] }
/** A token and the origin it is for. */
export interface Access {
  token: string
  apiUrl: string
}
export type RenewableGrant = Pick<TokenGrant, 'refreshToken' | 'authUrl'>
/** One consent that is asked for: where the answer goes, by what it is known again, and the PKCE challenge (S256). */
export interface ConsentRequest {
  redirectUri: string
  state: string
  challenge: string
  authUrl?: string
}
/** What came back. `verifier` is absent where the CRM itself began the install. */
export interface ConsentAnswer {
  code: string
  redirectUri: string
  verifier?: string
  authUrl?: string
}
export interface Install {
  scopes: { required: readonly string[]; optional: readonly string[] }
  /** What it is for, where it is not for telling Meta of stages. */
  purpose?: string
  /** What an admin is asked to allow, in plain words: "read contacts, their stages and …". */
  asks: readonly string[]
  /** For CRMs in which not only admins can agree: who asks for a consent has to be one. */
  anybodyAgrees?: true
  /** The page of the CRM on which an admin is asked. */
  consentUrl(app: AppCredentials, request: ConsentRequest): string
  /** What an error that came back instead of a code means and what to do, where it is more than a refusal of the person. */
  explain?(error: string): string | undefined
  /** Trades the code for a grant. Throws as `refresh`, and `code_spent` (never) where only a new consent helps. */
  exchange(app: AppCredentials, answer: ConsentAnswer, http: HttpPort, now: number): Promise<WonGrant>
  /**
   * For CRMs whose marketplace begins the install and waits for the browser: whether it may be sent to this address afterwards.
   * Absent: every consent began with us.
   */
  returnsTo?(app: AppCredentials, returnUrl: string): boolean
  /** What goes with our app when an admin takes it out of the account for good, in plain words; absent where nothing is lost. */
  takesAlong?: string
  /** Removes our app from the account, or the grant at least. Harmless when it is gone already. */
  leave?(context: { client: CrmClient; app: AppCredentials; grant: TokenGrant; http: HttpPort }): Promise<void>
  /**
   * Trades a refresh token for a new grant. Throws `CodedError`: `grant_revoked` (retry never, the customer has to connect
   * again), `app_misconfigured` (our fault, the tenant stays connected), or a transient code with retry later.
   */
  refresh(app: AppCredentials, grant: RenewableGrant, http: HttpPort, now: number): Promise<TokenGrant>
  /**
   * For CRMs whose accounts sign in at different addresses: the origin meant by what a person typed (a word, a host, a URL).
   * Throws `CodedError` `unknown_host` where it is not the CRM's.
   */
  authUrl?(typed: string, app: AppCredentials): string
}

// -------------------------------------------------------------------------------------------------------------- push

export type Verdict = { ok: true } | { ok: false; status: 400 | 401 | 405 | 415; code: string; text: string }

/** One CRM change as received: JSON, kept durably before it is looked at again. */
export interface Change {
  account: string
  body: unknown
}
/** A body that may be kept as it came, and how many changes it holds at most. */
export interface KeepableBody {
  account: string
  changes: number
}
/** One address for all accounts; requests are signed with our app's secret and name the account inside. */
export interface AppPush {
  routing: 'app'
  /**
   * For those who ask an address whether it is ours before they send to it: the answer to such a request, undefined where it is
   * none or does not know the word agreed on. Never throws.
   */
  handshake?(request: RawRequest, app: AppCredentials): string | undefined
  /** Has the account send to us; harmless when it does already. What `Install.leave` ends. */
  ensure?(context: ConnectionContext): Promise<void>
  /** Judges method, headers, clock and signature on the raw bytes, in constant time. Never throws. */
  verify(request: RawRequest, app: AppCredentials): Verdict
  /**
   * For bodies that need not be parsed before they are answered: a list in JSON whose elements are changes of one account that `normalise` reads
   * as it reads those of `parse`, and in which no field of a person shows that `parse` would not keep. A look at the bytes, far cheaper
   * than parsing; undefined where they do not show it. Never throws.
   */
  keepable?(body: Buffer, app: AppCredentials): KeepableBody | undefined
  /** The changes in a verified request. No I/O, never throws: what cannot be read is counted in `unreadable`. */
  parse(request: RawRequest, app: AppCredentials): { changes: Change[]; unreadable: number; ignored: number }
}
/** An address of its own for every connection, with secrets of its own. */
export interface ConnectionPush<Settings = unknown> {
  routing: 'connection'
  /** As `AppPush.verify`, with the connection's secrets by purpose: `webhook_secret` is made with the connection. */
  verify(request: RawRequest, secrets: Readonly<Record<string, string>>, settings: Settings): Verdict
  /**
   * The changes in a verified request, and the answer to give once they are durable: it names what was wrong with each record
   * that was not taken. No I/O, never throws.
   */
  parse(request: RawRequest, settings: Settings): { changes: unknown[]; reply: { status: number; body: unknown } }
  /** What a request holds, for a person who has to say where its fields are: lists, and the values of its first record. Never throws. */
  layOut(request: Pick<RawRequest, 'headers' | 'body'>, settings: Settings): { lists: string[]; fields: { path: string; value: string }[] }
  /** A request that passes `verify` at `now` (ms), to try the address with; undefined where it would show the secret and `reveal` is false. */
  example(
    secrets: Readonly<Record<string, string>>,
    settings: Settings,
    now: number,
    reveal: boolean,
  ): { headers: Record<string, string>; body: string } | undefined
}
export type Push<Settings = unknown> = AppPush | ConnectionPush<Settings>

// -------------------------------------------------------------------------------------------------------------- page

/** Who looks at our settings: a user of the CRM, in one of its accounts. */
export interface Visitor {
  account: string
  userId: string
  /** The visitor's own access to the CRM, where it was handed over. Never stored. */
  access?: Access
}
/** Who it is. `hash` names the request: one that comes again with the same is a repeat of it. */
export type PageVerdict = { ok: true; visitor: Visitor; hash: string } | Exclude<Verdict, { ok: true }>
/** Our settings inside the CRM, which says for whom they are. To get there is no proof of being an admin. */
export interface Page<Settings = unknown> {
  /** For CRMs that open a web page of ours by posting a signed request. */
  opening?: {
    /** Judges the signature on the raw body, in constant time, before anything in it is read. Never throws. */
    verify(body: Buffer, app: AppCredentials): PageVerdict
    /** Origins of the CRM that may show the page in a frame, as a content security policy takes them. */
    frameAncestors: readonly string[]
    /**
     * For CRMs that open the page without a signature where the user has to approve the app first: where the account signs in, as
     * `Install.authUrl` reads it, from the query of such a request; undefined where it is none.
     */
    approvalAt?(query: Readonly<Record<string, unknown>>): string | undefined
  }
  /** For CRMs that draw the page themselves and sign each of its requests to us. */
  requests?: {
    /** Judges signature, clock and sender of a request; undefined where it bears no signature of this CRM. Never throws. */
    verify(request: RawRequest, app: AppCredentials): PageVerdict | undefined
  }
  /**
   * Asks the CRM whether the visitor administers the account: by the visitor's own access, or through the connection. Throws
   * `CodedError`: `visitor_gone` (the CRM does not know the visitor any more), `admin_unknown` (it does not say), or what it throws.
   */
  isAdmin(visitor: Visitor, tools: { app: AppCredentials; http: HttpPort; context?: ConnectionContext<Settings> }): Promise<boolean>
  /** Signing in without being inside the CRM: a consent that ends with knowing who it is, and leaves no grant behind. */
  signIn: {
    consentUrl(app: AppCredentials, request: ConsentRequest): string
    /** Throws as `Install.exchange`. */
    identify(app: AppCredentials, answer: ConsentAnswer, http: HttpPort, now: number): Promise<Visitor>
  }
}

// ------------------------------------------------------------------------------------------------------ stream and poll

/** What a stream needs beside the rest: credentials for a transport that `CrmClient` does not speak. */
export interface StreamContext<Settings = unknown> extends ConnectionContext<Settings> {
  access: {
    /** A token that works, renewed ahead of its end. */
    current(): Promise<Access>
    /** In place of one that the CRM refused; `undefined` where renewing was tried a moment ago and did not help. */
    instead(refusedToken: string): Promise<Access | undefined>
  }
  /** Descriptions of the CRM's wire format by the CRM's own id, kept for all connections of the CRM over restarts. */
  schemas: {
    read(id: string): Promise<string | undefined>
    write(id: string, body: string): Promise<void>
  }
}
export interface StreamBatch {
  /** As `normalise` takes them; may be empty where only the position moves. */
  changes: unknown[]
  /** Everything up to here was given. Opaque text; absent: the position stays where it is. */
  position?: string
  /** The CRM says that it did not tell everything: its history has to be read. */
  missed?: boolean
}
export interface StreamSink {
  /**
   * Keeps a batch: resolves when changes and position are durable together. Batches are kept in the order of the calls; one may
   * be given while earlier ones are under way. Rejects where it could not be kept; the stream then ends or begins again
   * behind the last batch that was.
   */
  keep(batch: StreamBatch): Promise<void>
  /** The stream is open, or why it is not. For people; nothing depends on it. */
  standing(state: 'open' | CodedError): void
}
/** What all streams of a process share: connections to the CRM, caches. Dials nobody before the first `follow`. */
export interface StreamHub<Settings = unknown> {
  /**
   * Follows the stream of one connection from behind `position` (absent: from now on) until `signal` is aborted, then resolves
   * when all that was given to `sink` is settled. Breaks of the transport, ends by the server and expired tokens are its own
   * business. Throws `CodedError` where it cannot go on; `retry` says when to follow again.
   */
  follow(context: StreamContext<Settings>, position: string | undefined, sink: StreamSink, signal: AbortSignal): Promise<void>
  close(): Promise<void>
}
export interface Stream<Settings = unknown> {
  open(app: AppCredentials): StreamHub<Settings>
}
export interface PollPage {
  /** As `normalise` takes them. */
  changes: unknown[]
  /** Where to go on. Opaque text. */
  position: string
  /** There is more to read right away. */
  more: boolean
}

// ----------------------------------------------------------------------------------------------------------- meaning

export interface RecordRef {
  type: string
  id: string
}

export interface StageRef {
  source: string
  /** Absent where the source has no pipelines, or where the change did not say (then the snapshot does). */
  pipelineId?: string
  stageId: string
}

/** What a change means. Signals of one record may come in any order and more than once. */
export type Signal =
  /** The record reached a stage at `occurredAt`. */
  | {
      kind: 'stage'
      ref: RecordRef
      stage: StageRef
      occurredAt: number
      occurredAtSource: 'field' | 'event' | 'audit' | 'received'
      origin: 'push' | 'stream' | 'poll' | 'history'
      exact: boolean
      /** The CRM's own id of this change: whatever else it says when it comes again, it is the same change. */
      changeId?: string
    }
  /**
   * The record was seen at a stage, last changed at `occurredAt` as far as is known. Where that is not the stage it was last
   * known at, it has reached it; what lay between is unknown.
   */
  | {
      kind: 'observed'
      ref: RecordRef
      stage: StageRef
      occurredAt: number
      occurredAtSource: 'field' | 'event' | 'audit' | 'received'
      origin: 'stream' | 'poll' | 'history'
    }
  /**
   * The record was created or restored: worth a first look. `history`: something of it was not told, so that the stages it
   * reached are read as well, however well it is known.
   */
  | { kind: 'seen'; ref: RecordRef; occurredAt: number; history?: boolean }
  /** The change itself shows the record: CRMs that send the person along, or cannot be asked. */
  | { kind: 'shown'; ref: RecordRef; occurredAt: number; snapshot: RecordSnapshot }
  /** Something changed that may tell which lead the record belongs to: look again. */
  | { kind: 'identity'; ref: RecordRef; occurredAt: number }
  /** `mergedIds` live on as `ref`. */
  | { kind: 'merged'; ref: RecordRef; mergedIds: string[]; occurredAt: number }
  | { kind: 'deleted'; ref: RecordRef; occurredAt: number }
  /** The person asked to be forgotten. Nothing of the record may be read again. */
  | { kind: 'erased'; ref: RecordRef; occurredAt: number }

/** What Meta tells of a lead beside the person: when it was generated, and where it comes from. Ids and names as Meta has them. */
export interface MetaLead {
  /** Milliseconds since the epoch. */
  generatedAt: number
  isTest: boolean
  formId?: string
  formName?: string
  adId?: string
  adName?: string
  adsetId?: string
  adsetName?: string
  campaignId?: string
  campaignName?: string
  /** Where the form was shown: `fb`, `ig`. */
  platform?: string
  /** The lead came without an ad. */
  organic?: boolean
}

/** One record as the CRM shows it now. */
export interface RecordSnapshot {
  ref: RecordRef
  /** False: deleted, merged away or never there. All else is then absent but `survivorId`. */
  found: boolean
  /** What is absent here is unknown, not empty: what was known before stays. */
  partial?: boolean
  /** The record this one was merged into. */
  survivorId?: string
  createdAt?: number
  /** The record of the person behind this one (deal → contact). The lookup's answer holds that snapshot too. */
  person?: RecordRef
  /** Several persons are linked and the rule of the connection picks none. */
  personAmbiguous?: boolean
  /** Present on records that are persons themselves. */
  identity?: LeadIdentity
  /** Current stages, with their pipelines. */
  stages: StageRef[]
  amount?: { value: number; currency?: string }
  /** Present on the leads of a source that captures them: the record is the lead itself. */
  metaLead?: MetaLead
  /** The connection's `ruleFields`, by CRM name. */
  fields: Record<string, string | null>
  /** Earlier and current stages with their times, oldest first; only where history was asked for. */
  transitions?: { stage: StageRef; occurredAt: number }[]
}

/** A part of a connection's past. */
export interface HistoryPage {
  /** Changes as `normalise` takes them; their stage signals have the origin `history`. */
  changes: unknown[]
  /** Records read for this page. */
  records: number
  /** Where to go on; absent when the period is covered. Survives restarts. */
  next?: string
}

/** A part of what the CRM's own field for the Meta lead id holds. */
export interface LeadIdPage {
  /** Values as they are in the CRM, as text: nothing is rounded, and nothing has to be an id. */
  entries: { ref: RecordRef; value: string }[]
  /** Where to go on; absent after the last page. */
  next?: string
}

export interface LookupRequest {
  ref: RecordRef
  /** Also read the record's stage history. */
  history: boolean
}

// --------------------------------------------------------------------------------------------------- set-up and care

export interface StageOption {
  id: string
  label: string
  /** Position in the CRM's own order. */
  order: number
  kind: 'open' | 'won' | 'lost' | 'other'
  archived: boolean
  /** New records begin here, where the CRM says so. */
  initial?: boolean
}
/** The stages of one source, or of one pipeline of it, in order. */
export interface StageGroup {
  recordType: string
  source: string
  pipelineId?: string
  label: string
  stages: StageOption[]
}
export interface FieldOption {
  recordType: string
  name: string
  label: string
  type: 'text' | 'number' | 'choice' | 'date' | 'other'
}
/** One line of a proposed mapping; the order of the lines is the order of the funnel. */
export interface ProposedStage {
  source: string
  pipelineId?: string
  stageId: string
  label: string
  /** Null: listed, but off. */
  eventName: string | null
  negative: boolean
}
/** What is missing or wrong in the CRM account, in words an admin understands. */
export interface Finding {
  code: string
  /** Fatal findings stop the connection from working at all. */
  fatal: boolean
  text: string
}

// --------------------------------------------------------------------------------------------------------- connector

export interface Connector<Settings = unknown> {
  manifest: ConnectorManifest
  /** Absent: there is nothing to consent to, because the CRM is never asked. */
  install?: Install
  push?: Push<Settings>
  page?: Page<Settings>
  stream?: Stream<Settings>
  /** One page of what changed behind `position` (absent: from now on). `now` in milliseconds since the epoch. */
  poll?(context: ConnectionContext<Settings>, position: string | undefined, now: number): Promise<PollPage>
  /** How the changes of one connection arrive, where that is a setting; otherwise the first of the manifest's ways. */
  arrival?(settings: Settings): Arrival
  /** What an answer tells of an allocation that all software of the account shares: requests used, and the most there are. */
  allocation?(reply: HttpReply): { used: number; limit: number } | undefined
  /** How much of a budget that fills up again by itself an answer says is used: 0 to 1, where refusals begin. */
  usage?(reply: HttpReply): number | undefined
  /** What every request has to carry in its query beside a token, as proof that it is ours. */
  proof?(token: string, app: AppCredentials): Record<string, string>
  /**
   * What to do about an answer of the CRM that is not 2xx: the error to throw, with the CRM's own delay in `retry`.
   * `expired_token` tells the core to refresh once.
   */
  classify(reply: HttpReply, request: CrmRequest): CodedError
  /** Turns stored changes of one connection into signals. Unknown changes yield nothing. */
  normalise(changes: readonly unknown[]): Signal[]
  /**
   * Reads many records in few calls: themselves, the persons behind them, identities, rule fields. Records that are gone
   * come back with `found: false`; every ref asked for is answered. Absent: changes show their records themselves.
   */
  lookup?(context: ConnectionContext<Settings>, wanted: readonly LookupRequest[]): Promise<RecordSnapshot[]>
  /** The value of `lead_event_source` for one connection, where one connector serves many CRMs. */
  leadEventSource?(settings: Settings): string
  /** True where a stage can only be understood with its pipeline, which changes of this source do not carry. */
  needsPipeline(source: string): boolean
  /**
   * What the CRM still knows of stages reached between two instants (`to` exclusive, at most seven days back where there is no `past`),
   * page by page and in no order. `position` is the `next` of the page before.
   */
  history?(context: ConnectionContext<Settings>, period: { from: number; to: number }, position: string | undefined): Promise<HistoryPage>
  /**
   * How far before a connection was made its history is read as well, once, milliseconds: for records that are there to be found, of
   * which nothing is sent. Absent: not at all.
   */
  past?(settings: Settings): number
  listStages(context: ConnectionContext<Settings>): Promise<StageGroup[]>
  listFields(context: ConnectionContext<Settings>): Promise<FieldOption[]>
  /** The mapping proposed to a new customer, from the live stages. Pure. */
  defaultMapping(groups: readonly StageGroup[]): ProposedStage[]
  check(context: ConnectionContext<Settings>): Promise<Finding[]>
  /** Creates the text field that holds the Meta lead id; harmless when it is there already. Returns its name. */
  createLeadIdField?(context: ConnectionContext<Settings>): Promise<string>
  /** The records whose field for the Meta lead id holds something, page by page. `position` is the `next` of the page before. */
  leadIds?(context: ConnectionContext<Settings>, position: string | undefined): Promise<LeadIdPage>
  /** Writes a lead id into the CRM's own field. Needs the customer's permission and an optional scope. */
  writeLeadId?(context: ConnectionContext<Settings>, ref: RecordRef, metaLeadId: string): Promise<void>
  /** A link that opens the record in the CRM. */
  recordUrl?(account: string, ref: RecordRef): string
}

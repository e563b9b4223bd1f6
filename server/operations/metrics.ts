/**
 * What Prometheus is told. What happens is counted in this process as it happens; how things stand is read from the
 * database when somebody asks, so it is the same in every process and must not be added up over them.
 */
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client'
import { reasons } from '../../mappings/reasons.ts'
import type { Database } from '../database/pool.ts'
import type { Log } from '../log.ts'
import type { Depth } from '../schedule/scheduler.ts'
import type { Meter } from './meter.ts'
import { createStandingGauges } from './standing-gauges.ts'

export interface Metrics {
  meter: Meter
  contentType: string
  /** All metrics as Prometheus reads them. Never throws: without a database, how things stand is left out. */
  text(): Promise<string>
}

/** Upper ends of the buckets, seconds: from a lookup in memory to the longest time-out. */
const BUCKETS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30]

export interface MetricsOptions {
  db: Database
  log: Log
  /** How much the scheduler has to do; undefined where nobody knows. */
  depths: () => Promise<Depth[] | undefined>
}

/** The metrics of one process, those of Node.js itself included. */
export function createMetrics({ db, log, depths }: MetricsOptions): Metrics {
  const registry = new Registry()
  collectDefaultMetrics({ register: registry })
  const gauges = createStandingGauges(registry, db, log)
  addDepths(registry, depths)
  return {
    meter: createMeter(registry),
    contentType: registry.contentType,
    async text() {
      await gauges.refresh()
      return registry.metrics()
    },
  }
}

function addDepths(registry: Registry, depths: MetricsOptions['depths']): void {
  new Gauge({
    name: 'leadstage_runs',
    help: 'Runs of the scheduler that wait for a place, are going, or are to begin later',
    labelNames: ['kind', 'state'],
    registers: [registry],
    async collect() {
      this.reset()
      for (const { kind, ...states } of (await depths()) ?? [])
        for (const [state, runs] of Object.entries(states)) this.set({ kind, state }, runs)
    },
  })
}

function createMeter(registry: Registry): Meter {
  const histogram = <Label extends string>(name: string, help: string, labelNames: Label[]) =>
    new Histogram({ name: `leadstage_${name}`, help, labelNames, buckets: BUCKETS, registers: [registry] })
  const counter = <Label extends string>(name: string, help: string, labelNames: Label[]) =>
    new Counter({ name: `leadstage_${name}`, help, labelNames, registers: [registry] })

  const webhooks = histogram('webhook_request_duration_seconds', 'Webhook requests and the time to answer them', ['crm', 'outcome'])
  const changes = counter('changes_total', 'Changes that CRMs told, new or not', ['crm', 'way'])
  const commits = histogram('intake_commit_duration_seconds', 'Time until the packets of a body were durable', [])
  const packets = counter('intake_packets_total', 'Packets that webhooks put into the inbox', [])
  const runs = histogram('run_duration_seconds', 'Runs of the scheduler', ['kind', 'outcome'])
  const lookups = histogram('lookup_duration_seconds', 'Lookups of records in a CRM', ['crm'])
  const records = counter('lookup_records_total', 'Records looked up', ['crm', 'outcome'])
  const crmRequests = histogram('crm_request_duration_seconds', 'Requests to CRMs by the class of the answer', ['crm', 'answer'])
  const renewals = counter('token_renewals_total', 'Renewals of access tokens', ['crm', 'outcome'])
  const entries = counter('ledger_entries_total', 'Ledger entries written or settled', ['outcome', 'reason'])
  const deliveries = histogram('meta_request_duration_seconds', 'Requests with events to Meta by what it made of them', ['answer'])
  const events = counter('meta_events_total', 'Events in those requests', ['answer'])

  return {
    webhook: (crm, status, seconds) => webhooks.observe({ crm, outcome: webhookOutcome(status) }, seconds),
    changes: (crm, way, count) => changes.inc({ crm, way }, count),
    stored(count, seconds) {
      packets.inc(count)
      commits.observe(seconds)
    },
    run: (kind, outcome, seconds) => runs.observe({ kind, outcome }, seconds),
    lookup(crm, counts, seconds) {
      lookups.observe({ crm }, seconds)
      for (const [outcome, count] of Object.entries(counts)) if (count > 0) records.inc({ crm, outcome }, count)
    },
    crmRequest: (crm, status, seconds) => crmRequests.observe({ crm, answer: answerClass(status) }, seconds),
    renewal: (crm, outcome) => renewals.inc({ crm, outcome }),
    entries(written) {
      for (const { outcome, reason } of written) entries.inc({ outcome, reason: knownReason(reason) })
    },
    delivery(answer, count, seconds) {
      deliveries.observe({ answer }, seconds)
      events.inc({ answer }, count)
    },
  }
}

function webhookOutcome(status: number): 'accepted' | 'refused' | 'slowed' | 'failed' {
  if (status < 400) return 'accepted'
  if (status === 429) return 'slowed'
  return status < 500 ? 'refused' : 'failed'
}

/** The limits of a CRM show as an answer of their own. */
function answerClass(status: number | undefined): string {
  if (status === undefined) return 'none'
  return status === 401 || status === 429 ? String(status) : `${Math.floor(status / 100)}xx`
}

/** Codes of errors can stand as a reason, too; they are many. */
function knownReason(reason: string | null | undefined): string {
  if (reason === null || reason === undefined) return ''
  return Object.hasOwn(reasons, reason) ? reason : 'other'
}

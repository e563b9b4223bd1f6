/**
 * A thousand connections whose load is skewed, and one more that imports 100,000 records as fast as they are taken: how long a change
 * of the others takes from its webhook to Meta meanwhile, beside a time without the import. One process, and two that share the work.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { sql } from 'kysely'
import { addWebhook } from '../support/webhook.ts'
import { type SignedBody, signedBody } from './bodies.ts'
import { type Crowd, startCrowd, webhooksUrl } from './crowd.ts'
import type { Part } from './main.ts'
import { leadIdOf, type Outside, startOutside } from './outside.ts'
import { postAll } from './post-all.ts'
import { portalAccount, token } from './stand.ts'
import { quantile, rounded } from './statistics.ts'

const QUIET = 1_000
const PER_SECOND = 40
const CALM_SECONDS = 10
const KNOWN_EACH = 3
const PER_BODY = 100
/** An import reports the raw lead and the stage of each record. */
const EVENTS_EACH = 2
const PATIENCE_MS = 300_000

export const fairness: Part = async (say, { records }) => {
  const alone = await measure(say, records, 1, false)
  const shared = await measure(say, records, 2, true)
  return {
    ...{ calmP99Ms: alone.calm, p99Ms: alone.p99, importSeconds: alone.seconds },
    ...{ sharedCalmP99Ms: shared.calm, sharedP99Ms: shared.p99, sharedImportSeconds: shared.seconds },
  }
}

const portalOf = (number: number) => 45_000_001 + number
const contactOf = (number: number, index: number) => 20_000_000_001 + number * 1_000_000 + index

async function measure(say: (line: string) => void, records: number, processes: number, shared: boolean) {
  const outside = await startOutside()
  const accounts = Array.from({ length: QUIET }, (_, number) => portalAccount(portalOf(number)))
  const crowd = await startCrowd({ hubspotUrl: outside.hubspotUrl, metaUrl: outside.metaUrl, processes, shared, accounts })
  let others: Others | undefined
  try {
    await makeKnown(crowd, outside)
    others = startOthers(crowd, outside)
    await sleep(CALM_SECONDS * 1_000)
    const calm = others.take()
    const before = await crowd.cpu()
    await crowd.statements(1)
    const begun = new Date()
    const started = performance.now()
    const imported = await startImport(crowd, outside, records)
    const posted = (performance.now() - started) / 1_000
    await imported()
    const seconds = rounded((performance.now() - started) / 1_000, 1)
    const during = others.take()
    const after = await crowd.cpu()
    const figures = (delays: number[]) =>
      `p50 ${quantile(delays, 0.5).toFixed(0)} ms, p99 ${quantile(delays, 0.99).toFixed(0)} ms, most ${quantile(delays, 1).toFixed(0)} ms over ${delays.length} events`
    const mode = shared ? `${processes} processes on Redis` : `${processes} process alone`
    say(`${mode}, calm: ${figures(calm)}`)
    say(
      `${mode}, while ${records.toLocaleString('en')} records are imported (posted in ${posted.toFixed(0)} s, at Meta in ${seconds} s): ${figures(during)}`,
    )
    say(
      `  processor seconds: servers ${rounded(after.servers - before.servers)}, PostgreSQL ${rounded(after.postgres - before.postgres)}, Redis ${rounded(after.redis - before.redis)}, load and stand-ins ${rounded(after.outside - before.outside)}`,
    )
    for (const { share, text } of await crowd.statements(5)) say(`  ${share} % of PostgreSQL: ${text}`)
    for (const { step, p50, p99 } of await steps(crowd, begun)) say(`  ${step}: p50 ${p50} ms, p99 ${p99} ms`)
    if (outside.doubled() > 0) throw new Error(`${outside.doubled()} events came twice`)
    return { calm: rounded(quantile(calm, 0.99)), p99: rounded(quantile(during, 0.99)), seconds }
  } finally {
    await others?.stop()
    await crowd.stop()
    await outside.close()
  }
}

/** Where the changes of the others spent their time since an instant; a milestone is as old as the resolving of its change. */
async function steps({ db }: Crowd, since: Date): Promise<{ step: string; p50: number; p99: number }[]> {
  const { rows } = await sql<{ step: string; p50: number; p99: number }>`
    with one as (
      select l.received_at, pg_xact_commit_timestamp(m.xmin) as resolved_at, l.settled_at
      from ledger l join connection c on c.id = l.connection_id and c.crm = 'hubspot'
      join milestone m on m.dataset_id = l.dataset_id and m.lead_id = l.lead_id and m.event_name = l.event_name and m.event_id = l.event_id
      where l.received_at >= ${since} and l.outcome = 'sent'
    ), took as (
      select 'from the inbox until it was resolved' as step, resolved_at - received_at as time from one
      union all select 'from then until Meta’s answer was kept', settled_at - resolved_at from one
    )
    select step, round(1000 * extract(epoch from percentile_cont(0.5) within group (order by time)))::int as p50,
      round(1000 * extract(epoch from percentile_cont(0.99) within group (order by time)))::int as p99
    from took group by step order by step desc`.execute(db)
  return rows
}

/** A few contacts of every portal, so that the later changes are those of known people. */
async function makeKnown(crowd: Crowd, outside: Outside): Promise<void> {
  const at = Date.now() - 600_000
  const bodies = Array.from({ length: QUIET }, (_, number) =>
    signedBody(
      webhooksUrl,
      Array.from({ length: KNOWN_EACH }, (_, index) => ({
        ...{ portalId: portalOf(number), contactId: contactOf(number, index), stageId: 'lead', at: at + index },
      })),
    ),
  )
  await postAll(`${crowd.urls[0]}/webhooks/hubspot`, 16, () => bodies.pop())
  await outside.took(QUIET * KNOWN_EACH)
}

interface Others {
  /** Milliseconds from webhook to Meta, of those that came in since the last call. */
  take(): number[]
  stop(): Promise<void>
}

/** Single changes at a steady rate, the n-th portal with a share of 1/n of them. */
function startOthers(crowd: Crowd, outside: Outside): Others {
  const sentAt = new Map<string, number>()
  const posts: Promise<unknown>[] = []
  let delays: number[] = []
  let over = false
  let turn = 0
  outside.onLead = (leadId, at) => {
    const sent = sentAt.get(leadId)
    if (sent !== undefined) delays.push(at - sent)
    sentAt.delete(leadId)
  }
  const shares = Array.from({ length: QUIET }, (_, number) => 1 / (number + 1))
  const upTo = shares.map((_, number) => shares.slice(0, number + 1).reduce((sum, share) => sum + share))
  const draw = () => {
    const drawn = Math.random() * (upTo.at(-1) ?? 0)
    return upTo.findIndex((sum) => drawn < sum)
  }
  /** Beyond those that are known each contact is looked up, as it would be. */
  const next = new Map<number, number>()
  const running = (async () => {
    const started = performance.now()
    while (!over) {
      await sleep(Math.max(0, started + (turn * 1_000) / PER_SECOND - performance.now()))
      const number = draw()
      const index = next.get(number) ?? 0
      next.set(number, index + 1)
      const contactId = contactOf(number, index)
      const stageId = index < KNOWN_EACH ? 'marketingqualifiedlead' : 'lead'
      let body: SignedBody | undefined = signedBody(webhooksUrl, [
        { portalId: portalOf(number), contactId, stageId, at: Date.now() - 60_000 },
      ])
      sentAt.set(leadIdOf(contactId), performance.now())
      const url = `${crowd.urls[turn % crowd.urls.length]}/webhooks/hubspot`
      posts.push(
        postAll(url, 1, () => {
          const one = body
          body = undefined
          return one
        }),
      )
      turn += 1
    }
  })()
  return {
    take() {
      const taken = delays
      delays = []
      return taken
    },
    async stop() {
      over = true
      await running
      await Promise.all(posts)
    },
  }
}

/** Resolves when all is posted, with a wait for its last event at Meta. */
async function startImport({ db, vault, urls }: Crowd, outside: Outside, records: number): Promise<() => Promise<void>> {
  const sender = await addWebhook({ db, vault, url: urls[0] as string }, { dataset: '790000000000001', token })
  const occurredAt = Date.now() - 60_000
  let sent = 0
  const before = outside.taken.size
  await Promise.all(
    Array.from({ length: 8 }, async () => {
      while (sent < records) {
        const first = sent
        sent += PER_BODY
        const body = Array.from({ length: PER_BODY }, (_, index) => ({
          record_id: String(first + index),
          stage: 'qualified',
          occurred_at: occurredAt + ((first + index) % 50_000),
          lead_created_at: occurredAt - 60_000,
          meta_lead_id: String(300_000_000_000_000 + first + index),
          email: `import.${first + index}@example.com`,
        }))
        while ((await sender.send(body)).status !== 202) await sleep(500)
      }
    }),
  )
  return async () => {
    const end = performance.now() + PATIENCE_MS
    while (outside.taken.size - before < records * EVENTS_EACH) {
      if (performance.now() > end) throw new Error(`Meta took ${outside.taken.size - before} of ${records * EVENTS_EACH} imported events`)
      await sleep(100)
    }
  }
}

/**
 * A hundred thousand leads of a page that no webhook told of are read from its forms, under a budget that the stand-in for Meta keeps:
 * how much of the budget is made use of with nothing else going on, and how long leads take that are reported meanwhile.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { sql } from 'kysely'
import { permissions } from '../../connectors/meta-lead-ads/permissions.ts'
import { stageMapping } from '../../mappings/stage-mapping.ts'
import { type Child, startChild } from '../simulators/child.ts'
import { demoPagesApp, type NewLead } from '../simulators/meta/lead-ads/lead-ads.ts'
import type { GraphRead } from '../simulators/meta/lead-ads/lead-edges.ts'
import { leadgenBody, signLeadgen } from '../simulators/meta/lead-ads/leadgen-sender.ts'
import type { Part } from './main.ts'
import { type Account, type Stand, startStand } from './stand.ts'
import { quantile, rounded } from './statistics.ts'

const LEADS = 100_000
const FORMS = 8
/** Five calls a second in the long run. */
const BUDGET = { calls: 100, perMs: 20_000, blockMs: 60_000 }
/** Leads reported in a second while the others are read. */
const LIVE_PER_SECOND = 0.5
const PATIENCE_MS = 1_200_000
const HOUR_MS = 3_600_000

const ad = { ad_id: '23850000000000001', ad_name: 'Video', adset_id: '23850000000000002', adset_name: 'Parents' }
const campaign = { campaign_id: '23850000000000003', campaign_name: 'Spring' }

interface BenchPage {
  id: string
  forms: string[]
  account: Account
}

export const leadsBulk: Part = async (say) => {
  const figures: Record<string, number> = {}
  const tell = (name: string, value: number, digits: number, wanted?: { least: number } | { most: number }) => {
    figures[name] = rounded(value, digits)
    const reached = wanted === undefined || ('least' in wanted ? value >= wanted.least : value <= wanted.most)
    const limit = wanted === undefined ? '' : 'least' in wanted ? `at least ${wanted.least}` : `at most ${wanted.most}`
    say(`${name.padEnd(24)}${figures[name].toLocaleString('en').padStart(9)}  ${limit}${reached ? '' : '  NOT REACHED'}`)
  }
  const meta = await startChild('meta')
  try {
    const pages = [await makePage(meta, '106000000000001'), await makePage(meta, '106000000000002')] as const
    const stand = await startStand({
      metaUrl: meta.url,
      accounts: pages.map(({ account }) => account),
      env: { META_APP_ID: demoPagesApp.id, META_APP_SECRET: demoPagesApp.secret },
    })
    try {
      const [quiet, busy] = pages
      await begin(stand, quiet)
      await captured(stand, quiet)
      const alone = await standing(meta, quiet)
      tell('leadsPerSecond', LEADS / alone.seconds, 0)
      tell('budgetUsed', alone.taken / alone.allowed, 3, { least: 0.95 })
      tell('refused', alone.refused, 0, { most: 0 })

      const delays = live(meta, stand, busy)
      await begin(stand, busy)
      await captured(stand, busy)
      const ms = await delays.stop()
      const beside = await standing(meta, busy)
      tell('liveLeads', ms.length, 0)
      tell('liveP50Ms', quantile(ms, 0.5), 0)
      tell('liveP99Ms', quantile(ms, 0.99), 0, { most: 1_000 })
      tell('budgetUsedBeside', beside.taken / beside.allowed, 3)
      tell('refusedBeside', beside.refused, 0, { most: 0 })
    } finally {
      await stand.stop()
    }
  } finally {
    await meta.close()
  }
  return figures
}

/** A page whose leads came in over the last day, and nobody told of. */
async function makePage(meta: Child, id: string): Promise<BenchPage> {
  const { token } = await meta.control<{ token: string }>('addPage', { id, budget: BUDGET })
  const forms = (
    await meta.control<{ id: string }[]>(
      'addForm',
      Array.from({ length: FORMS }, () => ({ page: id })),
    )
  ).map((form) => form.id)
  const now = Date.now()
  for (let from = 0; from < LEADS; from += 5_000)
    await meta.control(
      'submit',
      Array.from({ length: 5_000 }, (_, n): NewLead => {
        const number = from + n
        const answers = {
          email: `person.${id}.${number}@example.com`,
          phone_number: `+1202${String(5_000_000 + number)}`,
          full_name: 'Ada Almond',
        }
        const at = now - HOUR_MS - Math.floor((number / LEADS) * 20 * HOUR_MS)
        return { form: forms[number % FORMS] as string, at, ad: { ...ad, ...campaign }, silent: true, answers }
      }),
    )
  const scopes = permissions.map(({ name }) => name)
  const grant = { accessToken: token, refreshToken: token, expiresAt: now + 1_000 * HOUR_MS, scopes }
  const mapping = stageMapping.parse({ stages: [] })
  return { id, forms, account: { crm: 'meta-lead-ads', key: id, grant, mapping, dataset: `7${id}`, state: 'paused' } }
}

/**
 * From now on the page is looked after, as if it had been connected a day ago. A CRM feeds the same dataset, as ever; raw leads are off,
 * so that nothing but the reading is measured.
 */
async function begin({ db }: Stand, { id }: BenchPage): Promise<void> {
  await sql`
    with crm as (
      insert into connection (workspace_id, crm, account_key, state)
      select workspace_id, 'hubspot', account_key, 'paused' from connection where account_key = ${id} returning id, workspace_id
    ), routed as (
      insert into route (connection_id, dataset_id) select crm.id, d.id from crm join dataset d on d.workspace_id = crm.workspace_id
    )
    insert into mapping (connection_id, version, body, created_by)
    select id, 1, ${JSON.stringify(stageMapping.parse({ stages: [], rawLead: { enabled: false } }))}, 'bench' from crm`.execute(db)
  await sql`update connection set state = 'active', created_at = now() - interval '1 day', settings = '{"pastDays": 0}' where account_key = ${id} and crm = 'meta-lead-ads'`.execute(
    db,
  )
}

async function captured({ db }: Stand, { id, forms }: BenchPage): Promise<void> {
  const end = performance.now() + PATIENCE_MS
  const wanted = LEADS
  for (;;) {
    const { rows } = await sql<{ leads: number; covered: boolean }>`
      select (select count(*) from record r where r.connection_id = c.id)::int as leads, u.position is null as covered
      from connection c join cursor u on u.connection_id = c.id and u.channel = 'history'
      where c.account_key = ${id} and c.crm = 'meta-lead-ads'`.execute(db)
    if (rows[0]?.covered === true && rows[0].leads >= wanted) return
    if (performance.now() > end) throw new Error(`${rows[0]?.leads} of ${wanted} leads in ${forms.length} forms are there`)
    await sleep(500)
  }
}

/** What the budget let through, between the first and the last page of leads, and the most it would have let through. */
async function standing(meta: Child, { id, forms }: BenchPage) {
  const reads = (await meta.control<GraphRead[]>('graphReads')).filter(({ path }) => forms.some((form) => path.startsWith(`/${form}/`)))
  const counts = await meta.control<{ taken: number; refused: number }>('budgetCounts', { page: id })
  const span = (reads.at(-1)?.at ?? 0) - (reads[0]?.at ?? 0)
  return { ...counts, seconds: span / 1000, allowed: BUDGET.calls + (span * BUDGET.calls) / BUDGET.perMs }
}

/** Leads that Meta reports one by one, until told to stop: how long each takes from the report to being captured, ms. */
function live(meta: Child, { server, db }: Stand, { id: page, forms }: BenchPage) {
  const delays: Promise<number>[] = []
  let stopping = false
  const one = async (): Promise<number> => {
    const form = forms[delays.length % FORMS] as string
    const number = delays.length
    const answers = { email: `live.${number}@example.com`, phone_number: `+1303${String(5_000_000 + number)}` }
    const { id } = await meta.control<{ id: string }>('submit', { form, ad: { ...ad, ...campaign }, silent: true, answers })
    const body = leadgenBody([{ id, page, form, ad: ad.ad_id, createdTime: Math.floor(Date.now() / 1000) }])
    const headers = { 'content-type': 'application/json', 'x-hub-signature-256': signLeadgen(demoPagesApp.secret, body) }
    const told = performance.now()
    const answer = await fetch(`${server.url}/webhooks/meta-lead-ads`, { method: 'POST', headers, body })
    if (answer.status !== 202) throw new Error(`a webhook was answered with ${answer.status}`)
    for (;;) {
      const found = await sql`select from lead where meta_lead_id = ${id} and captured_at is not null`.execute(db)
      if (found.rows.length > 0) return performance.now() - told
      if (performance.now() - told > 60_000) throw new Error('a lead that was reported is not there after a minute')
      await sleep(20)
    }
  }
  const running = (async () => {
    while (!stopping) {
      const begun = one()
      begun.catch(() => undefined)
      delays.push(begun)
      await sleep(1_000 / LIVE_PER_SECOND)
    }
  })()
  return {
    async stop(): Promise<number[]> {
      stopping = true
      await running
      return Promise.all(delays)
    },
  }
}

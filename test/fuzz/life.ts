/** Leads that live at random around two real apps, which do nothing unless they are told to, and can die in the middle of any statement. */
import { sql } from 'kysely'
import type { Test } from 'tap'
import { CodedError } from '../../connectors/errors.ts'
import { sha256 } from '../../mappings/hash.ts'
import { createApp } from '../../server/app.ts'
import { openDatabase } from '../../server/database/pool.ts'
import { createLog } from '../../server/log.ts'
import { pauseConnection, resumeConnection } from '../../server/settings/connections.ts'
import { currentMapping, setMapping } from '../../server/settings/mappings.ts'
import { DATASET, type TestApp, testApp } from '../support/app.ts'
import { funnel } from '../support/funnel.ts'
import { count, findTraces, hurry, ledger, tallied } from '../support/look.ts'
import { signedHeaders, stageEvent } from '../support/post-webhook.ts'
import { startProxy } from '../support/proxy.ts'
import { handScheduler } from './hand-scheduler.ts'
import { type Contact, expectedEvents, RAW_LEAD, survivorOf } from './lead-model.ts'

/** One thing that happens. Numbers choose among what there is; what cannot happen does not. */
export type Step =
  | { do: 'create'; lead: boolean }
  | { do: 'move'; who: number; stage: string }
  | { do: 'giveLeadId' | 'erase'; who: number }
  | { do: 'merge'; who: number; other: number; newRecord: boolean }
  /** A stage is taken out of the mapping, or put back. */
  | { do: 'switch' }
  /** The connection is paused, or resumed. */
  | { do: 'pause' }
  /** What becomes of the next request to Meta; `lost`: it is taken, and never answered. */
  | { do: 'trouble'; how: 'answer' | 'drop' | 'lost' }
  /** The CRM tells some changes, latest first; `again`: whether they were told before or not. */
  | { do: 'push'; worker: number; from: number; many: number; again: boolean }
  | { do: 'run'; worker: number; kind: 'resolve' | 'deliver' | 'reconcile' }
  /** A worker loses all it was doing in the database after so many statements; `heard`: the last of them is carried out. */
  | { do: 'crash'; worker: number; statements: number; heard: boolean }
  /** What a dead worker held comes free. */
  | { do: 'wait' }

const MINUTE = 60_000
const MOST_CONTACTS = 12
const stageNames = new Map(funnel().stages.flatMap(({ stageId, eventName }) => (eventName === null ? [] : [[stageId, eventName] as const])))
/** Stages of the CRM; the last one is not mapped. */
export const stages = [...stageNames.keys(), 'subscriber']
const SWITCHED = 'opportunity'

/** A life with nobody in it yet; it ends with the test. */
export async function startLife(t: Test) {
  const it = await testApp(t, { launch: false, env: { BATCH_LIMIT: '5' }, hubspot: { webhooks: { subscriptions: {} } } })
  const { hubspot, db, connectionId, datasetId } = it
  const caller = { db, actor: 'test' }
  // Everything happens in the two hours before the last quarter of an hour, a minute apart.
  let clock = Date.now() - 135 * MINUTE
  const born = clock - MINUTE
  await db
    .updateTable('connection')
    .set({ created_at: new Date(born) })
    .execute()
  const workers = [await startWorker(t, it), await startWorker(t, it)]
  const contacts: Contact[] = []
  const told: Record<string, unknown>[] = []
  const toTell = new Set<Record<string, unknown>>()
  const unsure = new Set<string>()
  const counts = { steps: 0, changes: 0, events: 0, crashes: 0, doubled: 0 }
  let leadIds = 100_000_000_000_000
  let trouble = 0

  const now = () => {
    clock += MINUTE
    return clock
  }
  const tell = (id: string, event: Record<string, unknown>) => {
    const { subscriptionType = 'object.propertyChange' } = event
    const said = subscriptionType === 'object.propertyChange' ? event : { propertyName: undefined, propertyValue: undefined, ...event }
    const whole = stageEvent(id, String(event.propertyValue ?? ''), { occurredAt: clock, ...said })
    told.push(whole)
    toTell.add(whole)
    counts.changes += 1
  }
  const alive = (n: number): Contact | undefined => {
    const left = contacts.filter((contact) => contact.mergedInto === undefined && !contact.erased)
    return left[n % Math.max(1, left.length)]
  }
  const post = async (app: (typeof workers)[number], events: readonly Record<string, unknown>[]) => {
    if (events.length === 0) return
    const payload = JSON.stringify(events)
    const reply = await app.server.inject({ method: 'POST', url: '/webhooks/hubspot', payload, headers: signedHeaders(payload) })
    if (reply.statusCode === 202) for (const event of events) toTell.delete(event)
  }
  /** What a dead process held comes free with time; nobody alive holds anything now. */
  const letTimePass = async () => {
    for (const { scheduler } of workers) await scheduler.idle()
    await sql`update lease set until = '-infinity'`.execute(db)
    await sql`update packet set claimed_until = '-infinity'`.execute(db)
    await hurry(db)
  }
  const readHistory = async (n: number) => {
    await sql`update cursor set due_at = '-infinity', covered_until = ${new Date(born)} where channel = 'history' and position is null`.execute(
      db,
    )
    await workers[n]?.scheduler.run('reconcile', connectionId)
  }
  const switchStage = async () => {
    const { version, mapping } = await currentMapping(db, connectionId)
    const body = {
      ...mapping,
      stages: mapping.stages.map((line) =>
        line.stageId === SWITCHED ? { ...line, eventName: line.eventName === null ? (stageNames.get(SWITCHED) ?? null) : null } : line,
      ),
    }
    await setMapping(caller, { connectionId, version, body, confirmed: true })
    unsure.add(stageNames.get(SWITCHED) as string)
  }

  const take = async (one: Step): Promise<void> => {
    counts.steps += 1
    switch (one.do) {
      case 'create': {
        if (contacts.length >= MOST_CONTACTS) return
        const leadId = one.lead ? [String(++leadIds)] : []
        const properties = { email: `person${contacts.length}@example.com`, ...(one.lead && { meta_lead_id: leadId[0] as string }) }
        const { id } = hubspot.create({ type: 'contact', at: now(), properties })
        contacts.push({ id, createdAt: clock, reached: [], leadIds: leadId })
        return tell(id, { subscriptionType: 'object.creation' })
      }
      case 'move': {
        const contact = alive(one.who)
        if (contact === undefined || hubspot.record({ type: 'contact', id: contact.id })?.properties.lifecyclestage === one.stage) return
        hubspot.change({ type: 'contact', id: contact.id, at: now(), properties: { lifecyclestage: one.stage } })
        contact.reached.push({ stage: one.stage, at: clock })
        return tell(contact.id, { propertyValue: one.stage })
      }
      case 'giveLeadId': {
        const contact = alive(one.who)
        if (contact === undefined || contact.leadIds.length > 0) return
        contact.leadIds.push(String(++leadIds))
        hubspot.change({ type: 'contact', id: contact.id, at: now(), properties: { meta_lead_id: contact.leadIds[0] as string } })
        return tell(contact.id, { propertyName: 'meta_lead_id', propertyValue: contact.leadIds[0] })
      }
      case 'merge':
        return merge(alive(one.who), alive(one.other), one.newRecord)
      case 'erase': {
        const contact = alive(one.who)
        if (contact === undefined) return
        hubspot.erase({ type: 'contact', id: contact.id, at: now() })
        contact.erased = true
        return tell(contact.id, { subscriptionType: 'contact.privacyDeletion', objectTypeId: undefined })
      }
      case 'switch':
        return switchStage()
      case 'pause': {
        const { state } = await db.selectFrom('connection').select('state').where('id', '=', connectionId).executeTakeFirstOrThrow()
        await (state === 'paused' ? resumeConnection(caller, connectionId) : pauseConnection(caller, connectionId))
        return
      }
      case 'trouble':
        trouble += 1
        if (one.how === 'answer') it.meta.misbehave({ how: 'answer', status: 500, path: '/events', text: 'no' })
        else it.meta.misbehave({ how: 'drop', path: '/events', handled: one.how === 'lost' })
        return
      case 'push': {
        const pool = one.again ? told : [...toTell]
        const from = one.from % Math.max(1, pool.length)
        return post(workers[one.worker] as (typeof workers)[number], pool.slice(from, from + one.many).toReversed())
      }
      case 'run':
        if (one.kind === 'reconcile') return void readHistory(one.worker)
        return void workers[one.worker]?.scheduler.run(one.kind, one.kind === 'resolve' ? connectionId : datasetId)
      case 'crash':
        counts.crashes += 1
        return workers[one.worker]?.proxy.cutAfter(1 + one.statements, one.heard)
      case 'wait':
        return letTimePass()
    }
  }

  const merge = (winner: Contact | undefined, loser: Contact | undefined, newRecord: boolean): void => {
    if (winner === undefined || loser === undefined || winner === loser) return
    const merged = { type: 'contact', primaryId: winner.id, otherIds: [loser.id], newRecord, at: now() }
    const { id } = hubspot.merge(merged)
    const ids = { primaryObjectId: Number(winner.id), mergedObjectIds: [Number(loser.id)], ...(newRecord && { newObjectId: Number(id) }) }
    tell(id, { subscriptionType: 'object.merge', ...ids })
    const survivor = newRecord ? { id, createdAt: winner.createdAt, reached: [], leadIds: [...winner.leadIds] } : winner
    if (newRecord) contacts.push(survivor)
    if (newRecord) winner.mergedInto = survivor
    loser.mergedInto = survivor
    survivor.leadIds.push(...loser.leadIds.filter((leadId) => !survivor.leadIds.includes(leadId)))
  }

  const settleOnce = async (): Promise<void> => {
    for (let round = 0; round < 40; round++) {
      await letTimePass()
      await post(workers[0] as (typeof workers)[number], [...toTell])
      await readHistory(1)
      await workers[1]?.scheduler.run('resolve', connectionId)
      await workers[0]?.scheduler.run('deliver', datasetId)
      if (toTell.size + (await count(db, 'packet')) + (await count(db, 'outbox')) === 0) return
    }
    throw new Error(`this does not settle: ${await count(db, 'packet')} packets, ${await count(db, 'outbox')} events`)
  }

  const settle = async () => {
    for (const { proxy } of workers) proxy.cutAfter(Number.POSITIVE_INFINITY, true)
    it.meta.behave()
    const { state } = await db.selectFrom('connection').select('state').where('id', '=', connectionId).executeTakeFirstOrThrow()
    if (state === 'paused') await resumeConnection(caller, connectionId)
    await settleOnce()
    // What a lookup of the last round has found may be the last to be known of somebody.
    await settleOnce()
  }

  const judge = async (t: Test) => {
    const events = it.meta.events()
    counts.events = events.length
    const expected = expectedEvents(contacts, stageNames, unsure)
    const byLead = Map.groupBy(events, ({ leadId }) => leadId ?? '')
    for (const [leadId, { must, may }] of expected) {
      const sent = Map.groupBy(byLead.get(leadId) ?? [], ({ eventName }) => eventName)
      byLead.delete(leadId)
      for (const name of must.keys()) t.ok(sent.has(name), `${leadId} ${name} was sent`)
      for (const [name, same] of sent) {
        t.equal(new Set(same.map(({ eventId }) => eventId)).size, 1, `${leadId} ${name} once, or again as the same event`)
        const times = (may.get(name) ?? []).map((at) => Math.floor(at / 1000))
        const learned = name === RAW_LEAD && !must.has(name)
        t.ok(learned || times.includes(same[0]?.eventTime ?? 0), `${leadId} ${name} at its time`, { found: same[0]?.eventTime, times })
      }
    }
    t.strictSame([...byLead.keys()], [], 'nobody else was reported')
    counts.doubled = it.meta.summary().datasets[DATASET]?.doubled ?? 0
    if (counts.crashes + trouble + (await tallied(db, 'possible_doubles.timeout')) === 0) t.equal(counts.doubled, 0, 'nothing came twice')

    const lines = await ledger(db)
    const known = new Map(lines.map(({ eventId, outcome }) => [eventId, outcome]))
    const taken = new Set(events.map(({ eventId }) => eventId))
    t.strictSame(
      [...new Set(lines.map(({ outcome }) => outcome))].filter((it) => !['sent', 'suppressed', 'waiting'].includes(it)),
      [],
    )
    t.ok(
      lines.every(({ eventId, outcome }) => outcome !== 'sent' || taken.has(eventId)),
      'what the ledger calls sent was sent',
    )
    if (!contacts.some(({ erased }) => erased))
      t.ok(
        events.every(({ eventId }) => known.get(eventId ?? '') === 'sent'),
        'what was sent is in the ledger',
      )
    const quarantined = await db.selectFrom('packet').select('id').where('quarantined', '=', true).execute()
    t.strictSame(quarantined, [], 'nothing was set aside')
    const unexpected = workers.flatMap(({ scheduler }) => scheduler.failures).filter((error) => !(error instanceof CodedError))
    t.strictSame(unexpected, [], 'no run failed for a reason of its own')

    for (const event of told) toTell.add(event)
    await settle()
    t.equal(it.meta.events().length, events.length, 'told again, nothing is sent again')
    const forgotten = contacts.flatMap((contact, n) =>
      contact.erased ? [{ leadIds: contact.leadIds, email: `person${n}@example.com` }] : [],
    )
    for (const { leadIds, email } of forgotten) {
      const [meta_lead_id, ...others] = leadIds
      // Of whom nothing had been learned when they asked, nothing is there to know them again by.
      if (meta_lead_id === undefined || others.length > 0 || !events.some(({ leadId }) => leadId === meta_lead_id)) continue
      const { id } = hubspot.create({
        type: 'contact',
        at: now(),
        properties: { email, meta_lead_id, lifecyclestage: 'customer' },
      })
      tell(id, { propertyValue: 'customer' })
    }
    await settle()
    t.equal(it.meta.events().length, events.length, 'nobody who asked to be forgotten comes back with an import')
    const traces = contacts.flatMap((contact, n) => {
      const email = `person${n}@example.com`
      return survivorOf(contact).erased ? [email, sha256(email), ...contact.leadIds] : []
    })
    t.strictSame(await findTraces(db, traces), [], 'nor is remembered')
    if (!t.passing()) t.comment(JSON.stringify({ contacts, lines, events: events.map(({ body: _, ...event }) => event) }, undefined, 1))
  }
  return { take, settle, judge, counts }
}

/** An app that works only when told to, over a connection to the database that can be cut in the middle of anything. */
async function startWorker(t: Test, it: TestApp) {
  const url = new URL(it.databaseUrl)
  const proxy = await startProxy(t, { host: url.hostname, port: Number(url.port) })
  url.host = `127.0.0.1:${proxy.port}`
  const log = createLog({ level: 'silent' })
  const db = openDatabase({ url: url.href, log })
  t.teardown(() => db.destroy())
  const scheduler = handScheduler()
  const app = await createApp({ config: it.config, db, vault: it.vault, log, scheduler })
  t.teardown(() => app.stop())
  return { server: app.server, scheduler, proxy }
}

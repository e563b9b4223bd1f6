/** Whatever happens to leads and events, in whatever order, and however often the rolling up is cut off: in the end the figures are right. */
import { sql } from 'kysely'
import t from 'tap'
import { CodedError } from '../../../connectors/errors.ts'
import { transaction } from '../../../server/database/transaction.ts'
import { dueDays } from '../../../server/figures/due-days.ts'
import { rollDays } from '../../../server/figures/roll-days.ts'
import { setMapping } from '../../../server/settings/mappings.ts'
import { setDigest } from '../../../server/settings/notices.ts'
import { reevaluate } from '../../../server/settings/reevaluate.ts'
import { retryRecord } from '../../../server/settings/retry.ts'
import { testApp } from '../../support/app.ts'
import { funnel } from '../../support/funnel.ts'
import { seeded } from '../../support/numbers.ts'
import { recompute, rolledUp } from './recompute.ts'
import { roll } from './roll.ts'

const HOUR = 3_600_000
const DAY = 24 * HOUR

t.test('after a random walk', async (t) => {
  const { seed, random } = seeded()
  t.comment(`seed ${seed} (SEED=${seed} repeats it)`)
  const below = (most: number) => Math.floor(random() * most)
  const pick = <Item>(items: readonly Item[]): Item => items[below(items.length)] as Item
  const it = await testApp(t, {
    rules: { whichLeads: 'anyone' },
    hubspot: { webhooks: { shuffle: true, duplicateRate: 0.2 } },
    meta: { datasets: [{ id: '700000000000001', tokens: ['EAAtesttoken0000000000000000000001'] }] },
  })
  const caller = { db: it.db, actor: 'test' }
  const stages = ['lead', 'marketingqualifiedlead', 'salesqualifiedlead', 'opportunity', 'customer', 'other']
  const contacts: string[] = []
  const alive = new Set<string>()
  let mapping = 1

  /** Cut off before it ends, in one of two ways. */
  const rollAndDie = async () => {
    const { from, to } = pick(dueDays([], Date.now(), 60, 0))
    const cut = new Error('cut off')
    await transaction(it.db, async (trx) => {
      const pid = (await sql<{ pid: number }>`select pg_backend_pid() as pid`.execute(trx)).rows[0]?.pid
      const rolling = rollDays(trx, from, to)
      rolling.catch(() => undefined)
      if (random() < 0.5) await sql`select pg_terminate_backend(${pid})`.execute(it.db)
      await rolling
      throw cut
    }).catch((error: unknown) => {
      if (error !== cut && !(error instanceof CodedError)) throw error
    })
  }
  const steps: (() => Promise<unknown> | unknown)[] = [
    ...Array<() => void>(4).fill(() => {
      const { id } = it.hubspot.create({
        type: 'contact',
        at: Date.now() - below(6 * DAY),
        properties: {
          email: `person${below(12)}@example.com`,
          lifecyclestage: pick(stages),
          ...(random() < 0.6 && { meta_lead_id: `1234567890123${10 + below(20)}` }),
        },
      })
      contacts.push(id)
      alive.add(id)
    }),
    ...Array<() => void>(6).fill(() => {
      if (alive.size > 0) it.hubspot.change({ type: 'contact', id: pick([...alive]), properties: { lifecyclestage: pick(stages) } })
    }),
    () => {
      if (alive.size < 2) return
      const [primaryId, other] = [pick([...alive]), pick([...alive])]
      if (primaryId === other) return
      it.hubspot.merge({ type: 'contact', primaryId, otherIds: [other] })
      alive.delete(other)
    },
    () => {
      const id = pick([...alive])
      if (id === undefined || random() < 0.5) return
      it.hubspot.erase({ type: 'contact', id })
      alive.delete(id)
    },
    // What capturing writes: that Meta generated the lead some time before, by which form; or that it was a test.
    () =>
      sql`
        update lead set generated_at = learned_at - make_interval(hours => ${below(50 * 24)}), captured_at = now(), is_test = ${random() < 0.2},
          form_id = ${String(below(3))}, ad_id = ${String(below(5))}, campaign_id = ${String(below(2))}
        where id = (select id from lead order by random() limit 1)`.execute(it.db),
    async () => {
      const body = funnel()
      if (random() < 0.5) body.stages = body.stages.map((line, index) => (index === 2 ? { ...line, eventName: null } : line))
      mapping = (await setMapping(caller, { connectionId: it.connectionId, version: mapping, body, confirmed: true })).version
    },
    () => reevaluate(caller, { connectionId: it.connectionId }).catch(nothingToDo),
    () => contacts.length > 0 && retryRecord(caller, { ref: { type: 'contact', id: pick(contacts) } }).catch(nothingToDo),
    () => setDigest(caller, it.workspaceId, { timeZone: pick(['UTC', 'Asia/Kathmandu', 'America/Los_Angeles', 'Pacific/Kiritimati']) }),
    () => it.settled(),
    () => roll(it.db),
    rollAndDie,
  ]
  for (let n = 0; n < 120; n++) await pick(steps)()
  await it.settled()
  await roll(it.db)
  const right = await recompute(it.db)
  t.ok(right.length > 50, `${right.length} figures`)
  t.strictSame(await rolledUp(it.db), right)
  t.equal(await roll(it.db), 0, 'what is right is not written again')
})

/** What there is nothing of cannot be judged anew. */
function nothingToDo(error: unknown): void {
  if (!(error instanceof CodedError)) throw error
}

/**
 * The dry run of one page: everything that a real run does, up to the transaction, which is rolled back. What leads reached
 * in earlier pages is carried along, because nothing of it is in the database.
 */
import type { ConnectionContext, Connector } from '../../connectors/connector.ts'
import { CodedError } from '../../connectors/errors.ts'
import { transaction } from '../database/transaction.ts'
import type { ReachedMilestone } from '../leads/milestones.ts'
import { commitWork, type Rehearsal } from '../resolve/commit.ts'
import { gatherWork, without } from '../resolve/gather.ts'
import type { Judged } from '../resolve/judge.ts'
import { lookup } from '../resolve/lookup.ts'
import type { ResolveOptions } from '../resolve/resolve.ts'
import type { ConnectionSetup } from '../resolve/setup.ts'
import { wantedLookups } from '../resolve/wanted-lookups.ts'

export interface RehearsedPage {
  /** Stages that the page tells of, known ones too. */
  stages: number
  entries: Judged['entry'][]
  /** Records that the CRM does not show, and changes that cannot be read. */
  refused: number
}

/**
 * @param reached what leads reached in earlier pages; extended by this one
 * Throws `CodedError` when the CRM cannot be asked.
 */
export async function rehearsePage(
  options: Omit<ResolveOptions, 'wakeDelivery'>,
  setup: ConnectionSetup,
  connection: { connector: Connector; context: ConnectionContext },
  changes: readonly unknown[],
  reached: Map<string, ReachedMilestone[]>,
): Promise<RehearsedPage> {
  try {
    return await rehearseTogether(options, setup, connection, changes, reached)
  } catch (error) {
    if (error instanceof CodedError) throw error
    // The real run sets a change that cannot be handled aside alone.
    if (changes.length <= 1) return { stages: 0, entries: [], refused: changes.length }
    const half = Math.ceil(changes.length / 2)
    const first = await rehearsePage(options, setup, connection, changes.slice(0, half), reached)
    const second = await rehearsePage(options, setup, connection, changes.slice(half), reached)
    return {
      stages: first.stages + second.stages,
      entries: [...first.entries, ...second.entries],
      refused: first.refused + second.refused,
    }
  }
}

async function rehearseTogether(
  options: Omit<ResolveOptions, 'wakeDelivery'>,
  setup: ConnectionSetup,
  { connector, context }: { connector: Connector; context: ConnectionContext },
  changes: readonly unknown[],
  reached: Map<string, ReachedMilestone[]>,
): Promise<RehearsedPage> {
  const now = options.now?.() ?? Date.now()
  let refused = 0
  const signals = changes.flatMap((change) => {
    try {
      return connector.normalise([change])
    } catch {
      refused += 1
      return []
    }
  })
  const work = gatherWork(signals.map((signal) => ({ signal, receivedAt: now })))
  const requests = await wantedLookups({ ...options, ruleFields: context.ruleFields }, setup.connectionId, connector, work, now)
  const looked = await lookup(connector, context, requests)
  if (looked.failed !== undefined) throw looked.failed
  refused += looked.refused.size

  let rehearsed: { entries: Judged['entry'][]; page: Map<string, ReachedMilestone[]> } | undefined
  await transaction(options.db, async (trx) => {
    const page = new Map<string, ReachedMilestone[]>()
    const rehearsal: Rehearsal = {
      get: (key) => page.get(key) ?? reached.get(key)?.slice(),
      set: (key, milestones) => page.set(key, milestones),
    }
    const written = await commitWork(trx, {
      setup,
      manifest: connector.manifest,
      work: without(work, looked.refused),
      snapshots: new Map([...work.shown, ...looked.snapshots]),
      limits: options.limits,
      waitForLeadMs: options.waitForLeadMs,
      tombstones: options.vault.tombstones,
      now,
      rehearsal,
    })
    rehearsed = { entries: written.map(({ entry }) => entry), page }
    throw new RollBack()
  }).catch((error: unknown) => {
    if (!(error instanceof RollBack)) throw error
  })
  for (const [key, milestones] of rehearsed?.page ?? []) reached.set(key, milestones)
  return { stages: work.stages.length, entries: rehearsed?.entries ?? [], refused }
}

/** Ends a transaction of which nothing is to stay. */
class RollBack extends Error {}

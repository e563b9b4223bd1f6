/** Whether an access opens a dataset, before it is kept. */
import { sql } from 'kysely'
import type { DeliveryOptions } from '../delivery/deliver.ts'
import { isUnderstood, tryAccess } from '../delivery/try-access.ts'
import type { DatasetAccess } from '../meta/app.ts'
import type { GraphClient, ProbeResult, Refused } from '../meta/graph-client.ts'
import type { Caller } from './caller.ts'
import { problem } from './problem.ts'

export interface ProvingTools {
  graph: GraphClient
  /** How events are sent. Absent: a test event is left to the running server. */
  sending?: Pick<DeliveryOptions, 'limits' | 'timeoutMs'>
}

export interface ProvenDataset {
  /** By which Meta knows it, where it was asked. */
  name?: string
  /** A test event was taken just now, or the next event of a real lead will be one. */
  tested?: 'now' | 'later'
}

const MOST_TRIES = 3

/**
 * Asks Meta for a dataset; where it does not show it to the token and a test event is wanted, lets one tell.
 *
 * Throws `CodedError`: `dataset_refused` (the token does not work), `dataset_not_shown` (it may be good for sending all the same),
 * `meta_unavailable`.
 */
export async function proveDataset(
  caller: Caller,
  { workspaceId, metaId, testEventCode }: { workspaceId: number; metaId: string; testEventCode: string | undefined },
  access: DatasetAccess,
  { graph, sending }: ProvingTools,
): Promise<ProvenDataset> {
  const probed = await graph.probeDataset(metaId, access.token, access)
  const hidden = probed.kind === 'refused' && notShown(probed)
  if (!hidden || testEventCode === undefined) return { name: nameOf(probed) }
  const known = await caller.db
    .selectFrom('dataset')
    .selectAll()
    .where('workspace_id', '=', workspaceId)
    .where('meta_id', '=', metaId)
    .executeTakeFirst()
  if (known === undefined || sending === undefined) return { tested: 'later' }
  for (let tries = 0; tries < MOST_TRIES; tries++) {
    const trial = await tryAccess({ db: caller.db, graph, ...sending }, known, access, testEventCode)
    if (trial.kind === 'accepted') return { tested: 'now' }
    if (trial.kind === 'nothing' || trial.kind === 'short') break
    if (trial.kind === 'busy')
      throw problem('meta_unavailable', 'Events are being sent to this dataset just now, or Meta asked to wait. Try again in some minutes.')
    if (trial.kind === 'silent') throw problem('meta_unavailable', 'Meta did not answer, so the test event told nothing. Try again.')
    // The event itself was at fault: the next one tells.
    if (isUnderstood(trial)) continue
    if (isPassing(trial)) throw problem('meta_unavailable', `The test event told nothing: ${trial.error.userText}`)
    throw problem('dataset_refused', `Meta does not take events for this dataset with this token${says(trial)}.`)
  }
  return { tested: 'later' }
}

/** Why Meta did not show the dataset decides what to say. */
function nameOf(result: ProbeResult): string {
  if (result.kind === 'found') return result.name ?? result.id
  if (result.kind === 'silent') throw problem('meta_unavailable', 'Meta did not answer, so the dataset could not be checked. Try again.')
  if (isPassing(result)) throw problem('meta_unavailable', `The dataset could not be checked: ${result.error.userText}`)
  if (!notShown(result)) throw problem('dataset_refused', `Meta does not accept this token${says(result)}.`)
  throw problem(
    'dataset_not_shown',
    `Meta does not show this dataset to this token${says(result)}. Check both; a token made for sending only may not be allowed to look.`,
  )
}

const isPassing = ({ error }: Refused) => error.class === 'retry' || error.class === 'throttle'
/** The token itself is accepted: it may be good for sending where only seeing is refused. */
const notShown = (result: Refused) => !isPassing(result) && result.error.class !== 'reconnect'
const says = ({ error }: Refused) => (error.message === '' ? '' : ` (Meta says: ${error.message})`)

/** Events of real leads that wait to be sent to a dataset of Meta's; 0 where it is not known here. */
export async function countWaiting(caller: Caller, workspaceId: number, metaId: string): Promise<number> {
  const { rows } = await sql<{ count: string }>`
    select count(*) as count from outbox o join dataset d on d.id = o.dataset_id
    where d.workspace_id = ${workspaceId} and d.meta_id = ${metaId}`.execute(caller.db)
  return Number(rows[0]?.count)
}

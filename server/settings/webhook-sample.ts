/** Showing a person what a CRM sends, so that they can say where its fields are. */
import type { ConnectionPush } from '../../connectors/connector.ts'
import { connectorFor } from '../../connectors/registry.ts'
import type { Vault } from '../connections/vault.ts'
import { readSample, wantSample } from '../intake/sample.ts'
import { audit, type Caller } from './caller.ts'
import { findLiveConnection } from './find.ts'
import { problem } from './problem.ts'

export type ShownSample = ReturnType<ConnectionPush['layOut']> & { at: Date }

/**
 * The sample of a connection; undefined: none has come, and the next request becomes it. `anew` asks for another one.
 * Throws `CodedError` `connection_unknown`, `connection_removed`, `no_address`.
 */
export async function showSample(caller: Caller, id: number, vault: Vault, { anew = false } = {}): Promise<ShownSample | undefined> {
  const { crm, settings, workspace_id } = await findLiveConnection(caller, id)
  const { manifest, push } = connectorFor(crm)
  if (push?.routing !== 'connection') throw problem('no_address', `${manifest.displayName} needs no sample: what it sends is known.`)
  const sample = anew ? undefined : await readSample(caller.db, vault, id)
  if (sample !== undefined) return { ...push.layOut(sample, manifest.settings.parse(settings)), at: sample.at }
  await wantSample(caller.db, id)
  await audit(caller.db, caller, { workspaceId: workspace_id, action: 'connection.sample', subject: `connection:${id}` })
  return undefined
}

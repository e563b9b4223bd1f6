/** Sets the server up for the demo, through the services that an operator's commands use. */

import { readConfig } from '../../server/config.ts'
import { createConnections } from '../../server/connections/connections.ts'
import { createHttp } from '../../server/connections/http.ts'
import { readKeyFile } from '../../server/connections/keys.ts'
import { createVault } from '../../server/connections/vault.ts'
import { createLog } from '../../server/log.ts'
import { createGraphClient } from '../../server/meta/graph-client.ts'
import { addConnection } from '../../server/settings/add-connection.ts'
import { setDataset } from '../../server/settings/datasets.ts'
import { setRoute } from '../../server/settings/routes.ts'
import { createWorkspace } from '../../server/settings/workspaces.ts'
import type { Stack } from './stack.ts'

/** One workspace with the dataset, and a connection with its proposed mapping and a route for each source. Throws when a part of it is refused. */
export async function install({ db, server, sources, dataset }: Stack): Promise<void> {
  const config = readConfig(server.env)
  const log = createLog({ level: 'silent' })
  const vault = createVault(await readKeyFile(config.dataDir))
  const http = createHttp()
  const graph = createGraphClient({
    baseUrl: config.meta.graphUrl,
    version: config.meta.graphVersion,
    timeoutMs: config.meta.timeoutMs,
    log,
  })
  const connections = createConnections({ db, vault, apps: config.crm, http: http.http, log })
  const caller = { db, actor: 'demo' }
  try {
    const workspace = await createWorkspace(caller, 'Demo')
    await setDataset(caller, { workspace: workspace.id, metaId: dataset.id, token: dataset.token, probe: true }, { vault, graph })
    for (const { crm, refreshToken } of sources) {
      const tools = { vault, apps: config.crm, http: http.http, connections }
      const { id, mapping, findings } = await addConnection(caller, { workspace: workspace.id, crm, refreshToken }, tools)
      const fatal = findings.find((finding) => finding.fatal)
      if (fatal !== undefined) throw new Error(`${crm} is not ready: ${fatal.text}`)
      // Leads that have no stages feed all datasets by themselves.
      if (mapping === 'none') continue
      if (mapping !== 'saved') throw new Error(`${crm} got no mapping`)
      await setRoute(caller, { connectionId: id, dataset: dataset.id })
    }
  } finally {
    await Promise.all([graph.close(), http.close()])
  }
}

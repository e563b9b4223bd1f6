/** Every address that the server answers at, from the server itself. */
import type { Connector } from '../../../connectors/connector.ts'
import { connectors } from '../../../connectors/registry.ts'
import { createApp } from '../../../server/app.ts'
import { configVariables, readConfig } from '../../../server/config.ts'
import { createVault } from '../../../server/connections/vault.ts'
import { openDatabase } from '../../../server/database/pool.ts'
import { createLog } from '../../../server/log.ts'

export interface Route {
  /** Without HEAD where there is GET; POST alone where the route answers all methods, to refuse the others in its own words. */
  methods: string[]
  path: string
}

export const PUBLIC_URL = 'https://leadstage.example.com'

/** The routes of a server on which everything is switched on, by path; without the files of the page, which are only there once it was built. */
export async function listRoutes(): Promise<Route[]> {
  const log = createLog({ level: 'silent' })
  // Nothing is asked of the database before the app starts, which it does not.
  const db = openDatabase({ url: 'postgres://nobody@127.0.0.1:1/none', log })
  const vault = createVault([{ id: 'k1', key: Buffer.alloc(32) }])
  const { server, stop } = await createApp({ config: readConfig({ PUBLIC_URL, ...everything() }), db, vault, log })
  await server.ready()
  const tree = server.printRoutes({ commonPrefix: false })
  await stop()
  await db.destroy()
  return readTree(tree)
}

/** Credentials of all CRMs and of the app at Meta, none of which is used. */
function everything(): Record<string, string> {
  const known = configVariables()
  const ofCrms = Object.values(connectors)
    .filter(({ manifest }: Pick<Connector, 'manifest'>) => manifest.api !== undefined)
    .flatMap(({ manifest: { id } }) =>
      ['APP_ID', 'CLIENT_ID', 'CLIENT_SECRET'].map((name) => `${id.toUpperCase().replaceAll('-', '_')}_${name}`),
    )
    .filter((name) => known.includes(name))
  return {
    ...Object.fromEntries(ofCrms.map((name) => [name, name])),
    ...{ META_APP_ID: '100000000000001', META_APP_SECRET: 'secret', META_LOGIN_CONFIG: '100000000000002', META_BUSINESS_EXTENSION: 'on' },
    METRICS_TOKEN: 'x'.repeat(16),
  }
}

/** Reads the tree that Fastify prints: a line for each part of a path, below the one that it goes on from. */
function readTree(tree: string): Route[] {
  const above: string[] = []
  const routes = new Map<string, Set<string>>()
  for (const line of tree.split('\n')) {
    const [, indent = '', part, methods] = /^([│\s]*)[├└]── (\S*)(?: \(([A-Z, ]+)\))?/u.exec(line) ?? []
    if (part === undefined) continue
    const depth = indent.length / 4
    above[depth] = part
    const path = above.slice(0, depth + 1).join('')
    if (methods !== undefined) for (const method of methods.split(', ')) routes.set(path, (routes.get(path) ?? new Set()).add(method))
  }
  return [...routes]
    .filter(([path]) => !path.endsWith('*'))
    .map(([path, methods]) => ({ path, methods: chief([...methods]) }))
    .sort((a, b) => (a.path < b.path ? -1 : 1))
}

const chief = (methods: string[]) =>
  methods.includes('TRACE') ? ['POST'] : methods.filter((method) => method !== 'HEAD' || !methods.includes('GET'))

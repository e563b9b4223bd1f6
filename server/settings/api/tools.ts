import type { FastifyBaseLogger, FastifyInstance, RawReplyDefaultExpression, RawRequestDefaultExpression, RawServerDefault } from 'fastify'
import type { ZodTypeProvider } from 'fastify-type-provider-zod'
import type { AppCredentials, Connector, HttpPort } from '../../../connectors/connector.ts'
import type { Connections } from '../../connections/connections.ts'
import type { Vault } from '../../connections/vault.ts'
import type { Database } from '../../database/pool.ts'
import type { Log } from '../../log.ts'
import type { MetaApp } from '../../meta/app.ts'
import type { GraphClient } from '../../meta/graph-client.ts'
import type { SendTools } from '../../operations/notices/send-messages.ts'
import type { DatasetTools } from '../datasets.ts'

/** What the settings API and its pages work with. */
export interface ApiTools {
  db: Database
  vault: Vault
  connections: Connections
  connectors: Readonly<Record<string, Connector>>
  /** Our credentials by connector id. */
  apps: Readonly<Record<string, AppCredentials | undefined>>
  http: HttpPort
  graph: GraphClient
  metaApp?: MetaApp
  /** How an event is sent that proves a token. */
  sending: DatasetTools['sending']
  /** Origin under which people and CRMs reach us. */
  publicUrl: string
  /** Sends a test to a recipient of notices. */
  mail: Omit<SendTools, 'db'>
  log: Log
}

/** The server with routes typed by their zod schemas. */
export type ApiServer = FastifyInstance<
  RawServerDefault,
  RawRequestDefaultExpression,
  RawReplyDefaultExpression,
  FastifyBaseLogger,
  ZodTypeProvider
>

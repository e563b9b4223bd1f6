import type { AppCredentials, StreamHub } from '../../connector.ts'
import type { SalesforceSettings } from '../settings.ts'
import { api } from '../version.ts'
import { createChannels } from './channels.ts'
import { follow, type Shared, type Times } from './follow.ts'
import { createPubSubClient, type PubSubClient } from './pubsub.ts'
import { createSchemaStore } from './schema-store.ts'

const usualTimes: Times = { silence: 300_000, spread: 5_000, backOff: 500, answer: 10_000 }

/** The streams of a process: see `StreamHub`. They share few connections, and all compiled schemas. */
export function openHub(app: AppCredentials, times: Partial<Times> = {}): StreamHub<SalesforceSettings> {
  const address = app.streamUrl ?? api.streamUrl
  let shared: Shared | undefined
  let questions: PubSubClient | undefined

  function open(): Shared {
    const all = { ...usualTimes, ...times }
    return {
      channels: createChannels(address, all.spread),
      questions() {
        questions ??= createPubSubClient(address)
        return questions
      },
      schemas: createSchemaStore(),
      times: all,
    }
  }

  return {
    async follow(context, position, sink, signal) {
      shared ??= open()
      await follow(shared, context, position, sink, signal)
    },
    async close() {
      shared?.channels.close()
      questions?.client.close()
    },
  }
}

/**
 * The connections that streams share. A server takes 1,000 streams on one connection and lets the next one hang without an
 * error, so they are counted here. A break ends all streams of a connection at once: they wait together until it is back,
 * and then come one after the other, which is faster than each trying by itself and does not hit the server as one.
 */
import { connectivityState } from '@grpc/grpc-js'
import { pause } from './back-off.ts'
import { createPubSubClient, type PubSubClient } from './pubsub.ts'

/** A stream's place on a connection. */
export interface Place {
  client: PubSubClient
  /** Resolves when the connection is there (or `signal` is aborted); `again`: after a while that leaves room for the others. */
  ready(signal: AbortSignal, again: boolean): Promise<void>
  leave(): void
}
export interface Channels {
  take(): Place
  close(): void
}

export const MOST_STREAMS = 900
/** Streams that end together do so within this time, ms. */
const TOGETHER_MS = 50

/** @param spreadMs over how long the streams of a full connection come back */
export function createChannels(address: string, spreadMs: number): Channels {
  const channels: Channel[] = []
  return {
    take() {
      let channel = channels.find(({ streams }) => streams < MOST_STREAMS)
      if (channel === undefined) {
        channel = openChannel(address, spreadMs)
        channels.push(channel)
      }
      const taken = channel
      taken.streams += 1
      return {
        client: taken.client,
        ready: (signal, again) => taken.ready(signal, again),
        leave() {
          taken.streams -= 1
          if (taken.streams > 0 || channels.length === 1) return
          channels.splice(channels.indexOf(taken), 1)
          taken.client.client.close()
        },
      }
    },
    close() {
      for (const { client } of channels.splice(0)) client.client.close()
    },
  }
}

interface Channel extends Pick<Place, 'client' | 'ready'> {
  streams: number
}

function openChannel(address: string, spreadMs: number): Channel {
  const client = createPubSubClient(address)
  const channel = client.client.getChannel()
  let opening: Promise<void> | undefined
  let waiting = 0

  /** Resolves when the connection is there, or will never be because the channel was closed. */
  function open(): Promise<void> {
    opening ??= new Promise<void>((resolve) => {
      const look = () => {
        const state = channel.getConnectivityState(true)
        if (state === connectivityState.READY || state === connectivityState.SHUTDOWN) resolve()
        else channel.watchConnectivityState(state, Number.POSITIVE_INFINITY, look)
      }
      look()
    }).finally(() => {
      opening = undefined
    })
    return opening
  }

  return {
    client,
    streams: 0,
    async ready(signal, again) {
      waiting += 1
      try {
        if (again) await pause(TOGETHER_MS, signal)
        await unlessAborted(open(), signal)
        if (again) await pause((Math.random() * spreadMs * Math.min(waiting, MOST_STREAMS)) / MOST_STREAMS, signal)
        // It may have gone meanwhile.
        await unlessAborted(open(), signal)
      } finally {
        waiting -= 1
      }
    },
  }
}

async function unlessAborted(promise: Promise<void>, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return
  let abort = () => {}
  const aborted = new Promise<void>((resolve) => {
    abort = resolve
    signal.addEventListener('abort', abort, { once: true })
  })
  await Promise.race([promise, aborted]).finally(() => signal.removeEventListener('abort', abort))
}

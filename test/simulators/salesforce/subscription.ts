/**
 * One `Subscribe` call. The client asks for events, at most 100 are owed to it at any time; each response holds at most 3 MB. With
 * nothing to tell, an empty response says where the stream is; a client that asks for nothing is hung up on.
 */
import { randomUUID } from 'node:crypto'
import type { ServerDuplexStream } from '@grpc/grpc-js'
import type { ChangeSchema } from './avro-schema.ts'
import { encodeChange, eventsOf } from './encode-change.ts'
import { pubsubError, type Refusal } from './pubsub-error.ts'
import type { Channel, PubSubOrg, StreamUser } from './pubsub-org.ts'
import { decodeResponse, encodeResponse, type FetchRequest } from './pubsub-protocol.ts'

const MAX_PENDING = 100
const MAX_RESPONSE_BYTES = 3 * 1_048_576

/** What holds for all streams of a server, and how they go wrong at present. */
export interface StreamRules {
  /** After so long without a response, an empty one is sent, milliseconds. */
  keepaliveMs: number
  /** A stream with nothing asked for ends after so long, milliseconds. */
  unaskedMs: number
  /** Nothing is sent to these orgs; `*` for all. */
  silent: Set<string>
  /** Each response waits so long, milliseconds. */
  slowMs: number
  /** So many events more come twice, or with half of their payload. */
  duplicate: number
  corrupt: number
  onSchema: (schema: ChangeSchema) => void
  counts: { delivered: number; keepalives: number; responses: number }
}
export type Call = ServerDuplexStream<FetchRequest, Buffer>

export class Subscription {
  readonly org: PubSubOrg
  readonly topic: string
  readonly #call: Call
  readonly #rpcId = randomUUID()
  readonly #user: StreamUser
  readonly #members: Map<string, Channel['members'][number]>
  readonly #rules: StreamRules
  /** All changes up to here were given, and of the next one so many events. */
  #place: number
  #part = 0
  #last: Buffer
  #pending = 0
  #waiting = false
  #ended = false
  readonly #keepalive: NodeJS.Timeout
  #unasked: NodeJS.Timeout | undefined

  constructor(given: { call: Call; org: PubSubOrg; user: StreamUser; channel: Channel; place: number; rules: StreamRules }) {
    this.#call = given.call
    this.org = given.org
    this.topic = given.channel.name
    this.#user = given.user
    this.#members = new Map(given.channel.members.map((member) => [member.entity, member]))
    this.#place = given.place
    this.#last = given.org.changeLog.replayId(given.place)
    this.#rules = given.rules
    this.#keepalive = setTimeout(() => this.#tellPosition(), given.rules.keepaliveMs)
  }

  get pending(): number {
    return this.#pending
  }

  /** The client asks for so many events more. */
  ask(events: number): void {
    if (events <= 0) this.end('subscription.fetch.requested.events.invalid')
    this.#pending = Math.min(MAX_PENDING, this.#pending + events)
    clearTimeout(this.#unasked)
    this.#unasked = undefined
    this.pump()
  }

  /** Sends what there is and is owed. */
  pump(): void {
    if (this.#ended || this.#waiting || this.#silent()) return
    const send = () => {
      this.#waiting = false
      if (!this.#ended) this.#send()
    }
    if (this.#rules.slowMs === 0) send()
    else {
      this.#waiting = true
      setTimeout(send, this.#rules.slowMs)
    }
  }

  /** Ends the call, in order or with an error. Idempotent. */
  end(how: 'ok' | Refusal): void {
    if (this.#ended) return
    this.close()
    if (how === 'ok') this.#call.end()
    else this.#call.emit('error', pubsubError(how))
  }

  /** The call is over: no timer is left behind. */
  close(): void {
    this.#ended = true
    clearTimeout(this.#keepalive)
    clearTimeout(this.#unasked)
  }

  #silent(): boolean {
    return this.#rules.silent.has('*') || this.#rules.silent.has(this.org.id)
  }

  #send(): void {
    while (this.#pending > 0) {
      const events = this.#take()
      if (this.#ended) return
      if (events.length === 0) break
      this.#pending -= events.length
      this.org.deliveries.used += events.length
      this.#rules.counts.delivered += events.length
      this.#respond(events, this.#last)
    }
    if (this.#pending === 0) this.#unasked ??= setTimeout(() => this.end('ok'), this.#rules.unaskedMs)
  }

  /** The next events, encoded: as many as are owed and fit in one response. Ends the stream when the allocation is used up. */
  #take(): Buffer[] {
    const events: Buffer[] = []
    let bytes = 0
    for (const { event, replayId } of this.#next()) {
      if (this.org.deliveries.used + events.length >= this.org.deliveries.max) {
        if (events.length === 0) this.end('subscription.limit.exceeded')
        break
      }
      bytes += event.length
      if (bytes > MAX_RESPONSE_BYTES && events.length > 0) break
      events.push(event)
      if (this.#rules.duplicate > 0 && events.length < this.#pending) {
        this.#rules.duplicate -= 1
        events.push(event)
      }
      this.#part += 1
      this.#last = replayId
      if (events.length === this.#pending) break
    }
    return events
  }

  /** The events from here on, each to be passed by whoever takes it. */
  *#next(): Generator<{ event: Buffer; replayId: Buffer }> {
    for (let page = this.#page(); page.length > 0; page = this.#page())
      for (const logged of page) {
        const member = this.#members.get(logged.change.entity)
        if (member !== undefined && this.#user.viewsAll(member.entity)) {
          const audience = { org: this.org, user: this.#user, member }
          while (this.#part < eventsOf(logged, member.enriched)) {
            const event = encodeChange(logged, this.#part, audience, this.#rules.onSchema)
            yield { event: this.#rules.corrupt > 0 ? this.#damage(event) : event, replayId: logged.replayId }
          }
        }
        this.#place = logged.place
        this.#part = 0
      }
  }

  #page() {
    return this.org.changeLog.behind(this.#place, MAX_PENDING)
  }

  /** The same event with half of its payload. */
  #damage(event: Buffer): Buffer {
    this.#rules.corrupt -= 1
    const { events = [] } = decodeResponse(event)
    return encodeResponse({
      events: events.map((one) => ({
        ...one,
        event: { ...one.event, payload: one.event.payload.subarray(0, one.event.payload.length / 2) },
      })),
    })
  }

  #respond(events: readonly Buffer[], latestReplayId: Buffer): void {
    const end = encodeResponse({ latestReplayId, rpcId: this.#rpcId, pendingNumRequested: this.#pending })
    this.#call.write(Buffer.concat([...events, end]))
    this.#rules.counts.responses += 1
    this.#keepalive.refresh()
  }

  #tellPosition(): void {
    // The timer fires once; where nothing can be said now, it is set again.
    if (this.#pending === 0 || this.#waiting || this.#silent()) return void this.#keepalive.refresh()
    this.#rules.counts.keepalives += 1
    this.#respond([], this.org.changeLog.replayId(this.#place))
  }
}

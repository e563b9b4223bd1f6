import type { StreamContext } from '../../connector.ts'
import { compileSchema, type EventSchema } from './event-schema.ts'

/** Which fields are read; connections that read the same ones share compiled schemas. */
export interface WantedFields {
  names: ReadonlySet<string>
  /** One text for one set of names. */
  key: string
}

/** Compiled schemas of all streams of a process. */
export interface SchemaStore {
  /** The schema if it is at hand: awaiting it for every event would cost more than reading the event. */
  find(id: string, wanted: WantedFields): EventSchema | undefined
  /** Reads the schema from `schemas`, or asks for it with `fetch` and keeps it there. Rejects as they do. */
  load(id: string, wanted: WantedFields, schemas: StreamContext['schemas'], fetch: () => Promise<string>): Promise<EventSchema>
}

/** A compiled schema takes about 30 kB for an object with 300 fields; the others are read from the database and compiled anew. */
const MOST_COMPILED = 1_000
/**
 * Schemas that are got and compiled at once. When a thousand streams meet new ones, what else needs the database must not wait
 * until all of them have theirs.
 */
const AT_ONCE = 8

export function createSchemaStore(most = MOST_COMPILED): SchemaStore {
  /** The one used last is at the end. */
  const compiled = new Map<string, EventSchema>()
  const underWay = new Map<string, Promise<string>>()
  const queue: (() => void)[] = []
  let free = AT_ONCE

  async function inTurn<Result>(work: () => Promise<Result>): Promise<Result> {
    if (free > 0) free -= 1
    else await new Promise<void>((resolve) => queue.push(resolve))
    try {
      return await work()
    } finally {
      const next = queue.shift()
      if (next === undefined) free += 1
      else next()
    }
  }

  function remember(key: string, schema: EventSchema): EventSchema {
    compiled.delete(key)
    compiled.set(key, schema)
    for (const oldest of compiled.keys()) {
      if (compiled.size <= most) break
      compiled.delete(oldest)
    }
    return schema
  }

  /** An id names the content, whosever the org is: it is fetched once at a time. Another's failure may be its own. */
  async function readOnce(id: string, read: () => Promise<string>): Promise<string> {
    for (let other = underWay.get(id); other !== undefined; other = underWay.get(id)) {
      const json = await other.catch(() => undefined)
      if (json !== undefined) return json
    }
    const reading = read().finally(() => underWay.delete(id))
    underWay.set(id, reading)
    return reading
  }

  return {
    find(id, { key }) {
      const schema = compiled.get(`${id} ${key}`)
      return schema && remember(`${id} ${key}`, schema)
    },
    load: (id, { names, key }, schemas, fetch) =>
      inTurn(async () => {
        const json = await readOnce(id, async () => {
          const known = await schemas.read(id)
          if (known !== undefined) return known
          const fetched = await fetch()
          await schemas.write(id, fetched)
          return fetched
        })
        return compiled.get(`${id} ${key}`) ?? remember(`${id} ${key}`, compileOrRefuse(json, names))
      }),
  }
}

/** A schema that cannot be understood is not looked at again for every event. */
function compileOrRefuse(json: string, names: ReadonlySet<string>): EventSchema {
  try {
    return compileSchema(json, names)
  } catch (error) {
    return unreadable(error)
  }
}

/** Stands for a schema that nobody can get or understand. */
export function unreadable(cause: unknown): EventSchema {
  return {
    read() {
      throw new Error('events of this schema cannot be read', { cause })
    },
  }
}

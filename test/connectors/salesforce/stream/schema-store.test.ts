import t from 'tap'
import { createSchemaStore, type WantedFields } from '../../../../connectors/salesforce/stream/schema-store.ts'
import { changeSchema, standardFields } from '../../../simulators/salesforce/avro-schema.ts'

const json = changeSchema('Lead', standardFields('Lead')).json()
const wanted = (...names: string[]): WantedFields => ({ names: new Set(names), key: names.join() })
const status = wanted('Status')

/** A place where schemas are kept, with what was asked of it. */
function createShelf(kept: Record<string, string> = {}) {
  const asked: string[] = []
  return {
    asked,
    kept,
    async read(id: string) {
      asked.push(id)
      return kept[id]
    },
    async write(id: string, body: string) {
      kept[id] = body
    },
  }
}

t.test('a schema is fetched once, kept, and at hand from then on', async (t) => {
  const store = createSchemaStore()
  const shelf = createShelf()
  let fetched = 0
  const fetch = async () => {
    fetched += 1
    return json
  }
  t.equal(store.find('a', status), undefined)
  const [one, two] = await Promise.all([store.load('a', status, shelf, fetch), store.load('a', status, shelf, fetch)])
  t.equal(one, two)
  t.equal(store.find('a', status), one)
  t.equal(fetched, 1)
  t.same(shelf.kept, { a: json })
})

t.test('what was kept before is not fetched, and other fields are another reading of it', async (t) => {
  const store = createSchemaStore()
  const shelf = createShelf({ a: json })
  const never = () => Promise.reject(new Error('never'))
  const one = await store.load('a', status, shelf, never)
  const two = await store.load('a', wanted('Email'), shelf, never)
  t.not(one, two)
  t.equal(store.find('a', status), one)
})

t.test('what one connection is refused another one asks for itself', async (t) => {
  const store = createSchemaStore()
  const shelf = createShelf()
  const refused = store.load('a', status, shelf, () => Promise.reject(new Error('no token')))
  const given = store.load('a', status, shelf, async () => json)
  await t.rejects(refused, /no token/)
  t.ok(await given)
})

t.test('only so many are at hand, and those used last are', async (t) => {
  const store = createSchemaStore(2)
  const shelf = createShelf({ a: json, b: json, c: json })
  const never = () => Promise.reject(new Error('never'))
  await store.load('a', status, shelf, never)
  await store.load('b', status, shelf, never)
  store.find('a', status)
  await store.load('c', status, shelf, never)
  t.ok(store.find('a', status))
  t.equal(store.find('b', status), undefined)
  t.ok(store.find('c', status))
  await store.load('b', status, shelf, never)
  t.same(shelf.asked, ['a', 'b', 'c', 'b'])
})

t.test('a schema that nobody understands reads nothing, and is not tried again', async (t) => {
  const store = createSchemaStore()
  const shelf = createShelf({ a: 'nonsense' })
  const schema = await store.load('a', status, shelf, () => Promise.reject(new Error('never')))
  t.throws(() => schema.read(Buffer.alloc(9)))
  t.equal(store.find('a', status), schema)
})

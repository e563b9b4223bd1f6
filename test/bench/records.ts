import { type LeadStageRecord, type LeadStageRecordInput, leadStageRecord } from '../../connectors/record.ts'

/** Repeatable randomness (mulberry32): the same seed gives the same records on every machine. */
const random = (seed: number) => {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296
  }
}

const firstNames = [
  'Mary',
  'José',
  'Jean-Luc',
  'VALÉRY',
  'anna maria',
  'Søren',
  'Zoë',
  'Ludwig',
  "D'Arcy",
  'Renée',
  'Oliver',
  'Emily',
  'Jürgen',
  'Sofía',
  'Noah',
]
const lastNames = [
  "O'Brien",
  'de la Cruz',
  'Müller',
  'SMITH',
  'García-López',
  'Núñez',
  'van den Berg',
  'Johnson',
  'Lefèvre',
  'St. John',
  'Weiß',
  'Brown',
  'Williams',
]
const domains = ['gmail.com', 'Example.com', 'outlook.co.uk', 'WEB.DE', 'laposte.fr', 'acme-corp.io']

/** Places with their ways of writing a phone number: `N` is replaced by a digit, the first form is international. */
const places = [
  {
    country: 'US',
    cities: ['New York', 'St. Louis', 'San Francisco', 'BOSTON'],
    states: ['California', 'NY', 'texas', 'Mo'],
    zips: ['94035-1234', '10001', ' 63101 '],
    phones: ['+1 (650) 555-NNNN', '+1650555NNNN', '001 650.555.NNNN'],
    national: ['(650) 555-NNNN', '650.555.NNNN'],
  },
  {
    country: 'GB',
    cities: ['London', 'Newcastle upon Tyne', "King's Lynn"],
    states: ['Greater London', 'Norfolk'],
    zips: ['M1 1AE', 'sw1a 2aa'],
    phones: ['+44 (0)7400 12NNNN', '+44 7400 12NNNN', '0044 7400 12NNNN'],
    national: ['07400 12NNNN'],
  },
  {
    country: 'DE',
    cities: ['München', 'Köln', 'Frankfurt am Main'],
    states: ['Bayern', 'Nordrhein-Westfalen'],
    zips: ['80331', '50667'],
    phones: ['+49 151 2345NNNN', '+49-151-2345NNNN', '0049 151 2345NNNN'],
    national: ['0151 2345NNNN'],
  },
  {
    country: 'FR',
    cities: ['Saint-Étienne', 'Paris', 'Aix-en-Provence'],
    states: ['Île-de-France', 'Rhône'],
    zips: ['42000', '75 001'],
    phones: ['+33 6 12 34 NN NN', '+336 1234NNNN', '0033 6 12 34 NN NN'],
    national: ['06 12 34 NN NN'],
  },
  {
    country: 'BR',
    cities: ['São Paulo', 'Rio de Janeiro'],
    states: ['São Paulo', 'RJ'],
    zips: ['01310-100', '20040-020'],
    phones: ['+55 11 9NNNN-NNNN', '+55 (11) 91234-NNNN'],
    national: ['(11) 91234-NNNN'],
  },
]

/** `count` lead-stage records as messy as CRMs hold them; one phone number in twenty is national. `now` in ms. */
export const messyRecords = (count: number, now: number, seed = 20_260_901): LeadStageRecord[] => {
  const next = random(seed)
  const below = (limit: number) => Math.floor(next() * limit)
  const pick = <T>(list: readonly T[]): T => list[below(list.length)] as T
  const spaced = (text: string) => (next() < 0.2 ? ` ${text} ` : text)
  const cased = (text: string) => (next() < 0.15 ? text.toUpperCase() : next() < 0.15 ? text.toLowerCase() : text)
  const messy = (text: string) => spaced(cased(text))

  return Array.from({ length: count }, (_, i) => {
    const place = next() < 0.5 ? places[0] : pick(places)
    if (place === undefined) throw new Error('no places')
    const phone = pick(i % 20 === 0 ? place.national : place.phones).replaceAll('N', () => String(below(10)))
    const given: LeadStageRecordInput = {
      crm: 'hubspot',
      account: '4711',
      recordType: 'contact',
      recordId: String(10_000_000 + i),
      stage: { source: 'lifecyclestage', id: pick(['marketingqualifiedlead', 'salesqualifiedlead', 'opportunity', 'customer']) },
      occurredAt: now - below(6 * 86_400_000),
      identity: {
        metaLeadId: `${1 + below(9)}${String(below(1e8)).padStart(8, '0')}${String(below(1e8)).padStart(8, '0')}`.slice(0, 15 + below(3)),
        emails: [messy(`${pick(['mary', 'J.Luc', 'anna+crm', 'o_brien', 'k-l'])}${i}@${pick(domains)}`)],
        phones: [spaced(phone)],
        firstName: messy(pick(firstNames)),
        lastName: messy(pick(lastNames)),
        city: messy(pick(place.cities)),
        state: messy(pick(place.states)),
        postalCode: spaced(pick(place.zips)),
        country: spaced(cased(place.country)),
      },
    }
    // Over JSON, as records come from a wire or a store.
    return leadStageRecord.parse(JSON.parse(JSON.stringify(given)))
  })
}

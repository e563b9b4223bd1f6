/** Made-up people: names of no one, e-mail and phone numbers that are reserved for examples. */

const firstNames = ['Ada', 'Ben', 'Chloé', 'Diego', 'Emma', 'Farid', 'Grace', 'Hugo', 'Ines', 'Jonas']
const lastNames = ['Almond', 'Birch', 'Cedar', 'Damson', 'Elder', 'Fir', 'Ginkgo', 'Hazel', 'Iris', 'Juniper']
const moreLastNames = ['Kauri', 'Larch', 'Maple', 'Nutmeg', 'Oak', 'Pine', 'Quince', 'Rowan', 'Spruce', 'Teak']
const places = [
  { city: 'Menlo Park', state: 'California', zip: '94025' },
  { city: 'Austin', state: 'Texas', zip: '73301' },
  { city: 'New York', state: 'New York', zip: '10001' },
]

export interface Person {
  email: string
  phone: string
  firstname: string
  lastname: string
  city: string
  state: string
  zip: string
  country: string
}

/** Person number `index` of 200; all differ in e-mail, phone and name. */
export function person(index: number): Person {
  const firstname = firstNames[index % 10] as string
  const lastname = [...lastNames, ...moreLastNames][Math.floor(index / 10) % 20] as string
  const place = places[index % 3] as (typeof places)[number]
  const email = `${firstname}.${lastname}@example.com`.toLowerCase().replaceAll('é', 'e')
  return {
    firstname,
    lastname,
    email,
    phone: `+1 (${index < 100 ? 202 : 303}) 555-01${String(index % 100).padStart(2, '0')}`,
    ...place,
    country: 'United States',
  }
}

/**
 * A Meta lead id of 15, 16 or 17 digits. The longer ones exceed 2^53, and are odd: any of them that passes through a
 * floating-point number comes out as another id.
 */
export function metaLeadId(index: number): string {
  const first = [123_456_789_012_345n, 9_007_199_254_740_993n, 23_850_000_000_000_001n][index % 3] as bigint
  return String(first + BigInt(index) * 2n)
}

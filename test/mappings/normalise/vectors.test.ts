import t from 'tap'
import { sha256 } from '../../../mappings/hash.ts'
import { normaliseBirthDate } from '../../../mappings/normalise/birth-date.ts'
import { normaliseCity } from '../../../mappings/normalise/city.ts'
import { normaliseCountry } from '../../../mappings/normalise/country.ts'
import { normaliseEmail } from '../../../mappings/normalise/email.ts'
import { normaliseExternalId } from '../../../mappings/normalise/external-id.ts'
import { normaliseGender } from '../../../mappings/normalise/gender.ts'
import { normaliseName } from '../../../mappings/normalise/name.ts'
import type { Normalised } from '../../../mappings/normalise/normalised.ts'
import { normalisePhone } from '../../../mappings/normalise/phone.ts'
import { normalisePostalCode } from '../../../mappings/normalise/postal-code.ts'
import { normaliseState } from '../../../mappings/normalise/state.ts'

const now = Date.UTC(2026, 8, 1)
const phone = '16505551212'
const british = '447700900123'

/** Field, what was given, what is hashed, its SHA-256 as Meta prints it or as computed apart from this code. */
const vectors: [string, string, () => Normalised, string, string][] = [
  [
    'em',
    'John_Smith@gmail.com',
    () => normaliseEmail('John_Smith@gmail.com'),
    'john_smith@gmail.com',
    '62a14e44f765419d10fea99367361a727c12365e2520f32218d505ed9aa0f62f',
  ],
  [
    'em',
    ' Test@Example.com ',
    () => normaliseEmail(' Test@Example.com '),
    'test@example.com',
    '973dfe463ec85785f5f95af5ba3906eedb2d931c24e69824a89ea65dba4e813b',
  ],
  [
    'em',
    'a.b+crm@x.co',
    () => normaliseEmail('a.b+crm@x.co'),
    'a.b+crm@x.co',
    '94645d020b1fa22908f918e53f97b753e0e7b5c5e53a61a000818663e666b65a',
  ],
  [
    'ph',
    '(650)555-1212 in us',
    () => normalisePhone('(650)555-1212', 'us'),
    phone,
    'e323ec626319ca94ee8bff2e4c87cf613be6ea19919ed1364124e16807ab3176',
  ],
  [
    'ph',
    '650.555.1212 in us',
    () => normalisePhone('650.555.1212', 'us'),
    phone,
    'e323ec626319ca94ee8bff2e4c87cf613be6ea19919ed1364124e16807ab3176',
  ],
  [
    'ph',
    '0044 7700 900123',
    () => normalisePhone('0044 7700 900123'),
    british,
    '033134b911b137918338415ee3d20a064b24773d36a3b02e8b99fdd3fcd6b4cd',
  ],
  [
    'ph',
    '+44 (0)7700 900123',
    () => normalisePhone('+44 (0)7700 900123'),
    british,
    '033134b911b137918338415ee3d20a064b24773d36a3b02e8b99fdd3fcd6b4cd',
  ],
  [
    'ph',
    '06 12 34 56 78 in fr',
    () => normalisePhone('06 12 34 56 78', 'fr'),
    '33612345678',
    '8a3e7886c9335e82e02299fa3e87b46e2de3b0c63d56003e30a5029394a47661',
  ],
  ['ge', 'Female', () => normaliseGender('Female'), 'f', '252f10c83610ebca1a059c0bae8255eba2f95be4d1d7bcfa89d7248a82d9f111'],
  ['ge', 'M', () => normaliseGender('M'), 'm', '62c66a7a5dd70c3146618063c344e531e6d4b59e379808443ce962b3abd63c5a'],
  [
    'db',
    '2/16/1997',
    () => normaliseBirthDate('2/16/1997', now),
    '19970216',
    '01acdbf6ec7b4f478a225f1a246e5d6767eeab1a7ffa17f025265b5b94f40f0c',
  ],
  [
    'db',
    '1997-02-16',
    () => normaliseBirthDate('1997-02-16', now),
    '19970216',
    '01acdbf6ec7b4f478a225f1a246e5d6767eeab1a7ffa17f025265b5b94f40f0c',
  ],
  [
    'db',
    '1985-11-03',
    () => normaliseBirthDate('1985-11-03', now),
    '19851103',
    '48291514c456508b7c166516b0cb144fb6317415b32778d87bc306ec823e8f01',
  ],
  ['fn', 'Mary', () => normaliseName('Mary'), 'mary', '6915771be1c5aa0c886870b6951b03d7eafc121fea0e80a5ea83beb7c449f4ec'],
  ['fn', 'Valéry', () => normaliseName('Valéry'), 'valéry', '08e1996b5dd49e62a4b4c010d44e4345592a863bb9f8e3976219bac29417149c'],
  ['fn', '정', () => normaliseName('정'), '정', '8fa8cd9c440be61d0151429310034083132b35975c4bea67fdd74158eb51db14'],
  ['fn', 'Jean-Luc', () => normaliseName('Jean-Luc'), 'jeanluc', '7fef38066db9900f992fa9926eea8cc648f44c2af50c4d511c415422196c8ef5'],
  ['ln', "O'Brien", () => normaliseName("O'Brien"), 'obrien', 'b4cb6cb33fe4b865868de825023a1e2790dc12ac01ecc8d7c5afe8254071c8ba'],
  ['ln', 'de la Cruz', () => normaliseName('de la Cruz'), 'delacruz', '6e612c2cd2e7b0e9ebcee301bc7102e8b300fa3df820693946b20e1b9a8793fa'],
  [
    'fn',
    'José, composed',
    () => normaliseName('Jos\u00e9'),
    'jos\u00e9',
    'd994e1d001886fe5b45b1267bd1fa2b752ac50742579bd3dad7b2a2aa0ed6866',
  ],
  [
    'fn',
    'José, decomposed',
    () => normaliseName('Jose\u0301'),
    'jos\u00e9',
    'd994e1d001886fe5b45b1267bd1fa2b752ac50742579bd3dad7b2a2aa0ed6866',
  ],
  ['ct', 'New York', () => normaliseCity('New York'), 'newyork', '350c754ba4d38897693aa077ef43072a859d23f613443133fecbbd90a3512ca5'],
  ['ct', 'St. Louis', () => normaliseCity('St. Louis'), 'stlouis', '8ba24bdf99947996f3000259be455de791b06fcc0e802ce05031030df1ee8ea3'],
  [
    'ct',
    'Saint-Étienne',
    () => normaliseCity('Saint-Étienne'),
    'saintétienne',
    'bb35a91d6f2bd7ba807fdd240cc838bdd3b20fe1a6fdedba60d941fbe8d5c10f',
  ],
  ['st', 'California', () => normaliseState('California'), 'ca', '6959097001d10501ac7d54c0bdb8db61420f658f2922cc26e46d536119a31126'],
  ['st', 'CA', () => normaliseState('CA', 'us'), 'ca', '6959097001d10501ac7d54c0bdb8db61420f658f2922cc26e46d536119a31126'],
  ['st', 'New York', () => normaliseState('New York', 'us'), 'ny', '1b06e2003f8420d6fa42badd8f77ec0f706b976b7a48b13c567dc5a559681683'],
  [
    'zp',
    '94035-1234',
    () => normalisePostalCode('94035-1234', 'us'),
    '94035',
    '1794327a4d443904421f5ca1f3d72d0a62ba2f0770d80755ec2220fc0efb052e',
  ],
  ['zp', 'M1 1AE', () => normalisePostalCode('M1 1AE', 'gb'), 'm11ae', '1dc694c2070e697769fb959b50671d76cafd430d8ca191fbdd0affcaea344ac5'],
  [
    'country',
    'United States',
    () => normaliseCountry('United States'),
    'us',
    '79adb2a2fce5c6ba215fe5f27f532d4e7edbac4b6a5e09e1ef3a08084a904621',
  ],
  ['country', 'UK', () => normaliseCountry('UK'), 'gb', '0b407281768f0e833afef47ed464b6571d01ca4d53c12ce5c51d1462f4ad6677'],
  [
    'external_id',
    'User 12345',
    () => normaliseExternalId('User 12345'),
    'user12345',
    'd785d63511a645a24875a109e0ef1da6560dd94d149b6734949a96556cb3449f',
  ],
]

t.test('every published vector is met, normalised and hashed', async (t) => {
  for (const [field, given, normalise, expected, hash] of vectors) {
    const value = normalise()
    t.equal(value, expected, `${field} of "${given}"`)
    t.equal(sha256(String(value)), hash, `${field} of "${given}", hashed`)
  }
})

t.test('where Meta’s two libraries differ or fail, phone numbers come out right', async (t) => {
  t.equal(normalisePhone('650.555.1212', 'us'), phone, 'dots go')
  t.equal(normalisePhone('00033612345678'), '33612345678', 'all leading zeros go')
  t.equal(normalisePhone('+1 650 555 1212 ext. 5'), phone, 'the extension goes')
  t.same(normalisePhone('0612345678'), { dropped: 'phone_no_country' }, 'a national number without a country is dropped')
})

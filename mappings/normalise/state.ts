import { letters } from './letters.ts'
import { dropped, type Normalised } from './normalised.ts'

const unusable = dropped('state_unusable')

const codes: Readonly<Record<string, string>> = {
  alabama: 'al',
  alaska: 'ak',
  arizona: 'az',
  arkansas: 'ar',
  california: 'ca',
  colorado: 'co',
  connecticut: 'ct',
  delaware: 'de',
  districtofcolumbia: 'dc',
  washingtondc: 'dc',
  florida: 'fl',
  georgia: 'ga',
  hawaii: 'hi',
  idaho: 'id',
  illinois: 'il',
  indiana: 'in',
  iowa: 'ia',
  kansas: 'ks',
  kentucky: 'ky',
  louisiana: 'la',
  maine: 'me',
  maryland: 'md',
  massachusetts: 'ma',
  michigan: 'mi',
  minnesota: 'mn',
  mississippi: 'ms',
  missouri: 'mo',
  montana: 'mt',
  nebraska: 'ne',
  nevada: 'nv',
  newhampshire: 'nh',
  newjersey: 'nj',
  newmexico: 'nm',
  newyork: 'ny',
  northcarolina: 'nc',
  northdakota: 'nd',
  ohio: 'oh',
  oklahoma: 'ok',
  oregon: 'or',
  pennsylvania: 'pa',
  rhodeisland: 'ri',
  southcarolina: 'sc',
  southdakota: 'sd',
  tennessee: 'tn',
  texas: 'tx',
  utah: 'ut',
  vermont: 'vt',
  virginia: 'va',
  washington: 'wa',
  westvirginia: 'wv',
  wisconsin: 'wi',
  wyoming: 'wy',
  puertorico: 'pr',
  guam: 'gu',
  americansamoa: 'as',
  usvirginislands: 'vi',
  northernmarianaislands: 'mp',
  alberta: 'ab',
  britishcolumbia: 'bc',
  manitoba: 'mb',
  newbrunswick: 'nb',
  newfoundland: 'nl',
  newfoundlandandlabrador: 'nl',
  northwestterritories: 'nt',
  novascotia: 'ns',
  nunavut: 'nu',
  ontario: 'on',
  princeedwardisland: 'pe',
  quebec: 'qc',
  québec: 'qc',
  saskatchewan: 'sk',
  yukon: 'yt',
  yukonterritory: 'yt',
}
const byName = new Map(Object.entries(codes))

/**
 * `st`: the two-letter code for the USA and Canada; elsewhere the name in lower case, letters only (Meta, customer
 * information parameters). `country` is the normalised code, where known: names are read as American or Canadian only where
 * it does not say otherwise.
 */
export const normaliseState = (text: string, country?: string): Normalised => {
  const state = letters(text)
  if (state.length === 2) return state
  if (state === '') return text.trim() === '' ? undefined : unusable
  return country === undefined || country === 'us' || country === 'ca' ? (byName.get(state) ?? state) : state
}

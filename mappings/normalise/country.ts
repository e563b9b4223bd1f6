import { letters } from './letters.ts'
import { dropped, type Normalised } from './normalised.ts'

const unknown = dropped('country_unknown')

/** ISO 3166-1: alpha-2 and alpha-3 code of each country, written together. */
const iso = `
  adand aeare afafg agatg aiaia alalb amarm aoago aqata ararg asasm ataut auaus awabw axala azaze babih bbbrb bdbgd bebel
  bfbfa bgbgr bhbhr bibdi bjben blblm bmbmu bnbrn bobol bqbes brbra bsbhs btbtn bvbvt bwbwa byblr bzblz cacan cccck cdcod
  cfcaf cgcog chche ciciv ckcok clchl cmcmr cnchn cocol crcri cucub cvcpv cwcuw cxcxr cycyp czcze dedeu djdji dkdnk dmdma
  dodom dzdza ececu eeest egegy ehesh ereri esesp eteth fifin fjfji fkflk fmfsm fofro frfra gagab gbgbr gdgrd gegeo gfguf
  ggggy ghgha gigib glgrl gmgmb gngin gpglp gqgnq grgrc gssgs gtgtm gugum gwgnb gyguy hkhkg hmhmd hnhnd hrhrv hthti huhun
  ididn ieirl ilisr imimn inind ioiot iqirq irirn isisl itita jejey jmjam jojor jpjpn keken kgkgz khkhm kikir kmcom knkna
  kpprk krkor kwkwt kycym kzkaz lalao lblbn lclca lilie lklka lrlbr lslso ltltu lulux lvlva lylby mamar mcmco mdmda memne
  mfmaf mgmdg mhmhl mkmkd mlmli mmmmr mnmng momac mpmnp mqmtq mrmrt msmsr mtmlt mumus mvmdv mwmwi mxmex mymys mzmoz nanam
  ncncl nener nfnfk ngnga ninic nlnld nonor npnpl nrnru nuniu nznzl omomn papan peper pfpyf pgpng phphl pkpak plpol pmspm
  pnpcn prpri pspse ptprt pwplw pypry qaqat rereu rorou rssrb rurus rwrwa sasau sbslb scsyc sdsdn seswe sgsgp shshn sisvn
  sjsjm sksvk slsle smsmr snsen sosom srsur ssssd ststp svslv sxsxm sysyr szswz tctca tdtcd tfatf tgtgo ththa tjtjk tktkl
  tltls tmtkm tntun toton trtur tttto tvtuv twtwn tztza uaukr uguga umumi ususa uyury uzuzb vavat vcvct veven vgvgb vivir
  vnvnm vuvut wfwlf wswsm yeyem ytmyt zazaf zmzmb zwzwe
`
/** What people write that is no official name. */
const nicknames = {
  us: 'usofa usofamerica theunitedstates theunitedstatesofamerica unitedstatesofamerica america',
  gb: 'uk theuk greatbritain britain england scotland wales northernireland unitedkingdomofgreatbritainandnorthernireland',
  nl: 'thenetherlands holland',
  ae: 'uae emirates',
  cz: 'czechrepublic',
  kr: 'korea republicofkorea southkorea',
  ru: 'russianfederation',
  vn: 'vietnam',
  tr: 'turkey türkiye',
  mk: 'macedonia',
  sz: 'swaziland',
  mm: 'burma',
  cv: 'capeverde',
  ci: 'ivorycoast',
  hk: 'hongkong',
  mo: 'macau macao',
  ps: 'palestine',
  mx: 'mexico',
  br: 'brasil',
  de: 'brd',
}

/** Languages whose country names are understood: those of the CRM accounts that write names instead of codes. */
const languages = ['en', 'de', 'fr', 'es', 'pt', 'it', 'nl']

const codes = new Set<string>()
const names = new Map<string, string>()
for (const pair of iso.trim().split(/\s+/)) {
  codes.add(pair.slice(0, 2))
  names.set(pair.slice(2), pair.slice(0, 2))
}
for (const [code, words] of Object.entries(nicknames)) for (const word of words.split(' ')) names.set(word, code)
for (const language of languages) {
  const display = new Intl.DisplayNames(language, { type: 'region' })
  for (const code of codes) {
    const name = letters(display.of(code.toUpperCase()) ?? '')
    if (!names.has(name)) names.set(name, code)
  }
}

/** Codes by their two letters in either case, found without making a string. */
const byLetters = new Array<string | undefined>(0x8000).fill(undefined)
const place = (first: number, second: number) => ((first | 32) << 8) | second | 32
for (const code of codes) byLetters[place(code.charCodeAt(0), code.charCodeAt(1))] = code

/** `country`: the ISO 3166-1 alpha-2 code in lower case, from a code or a name (Meta, customer information parameters). */
export const normaliseCountry = (text: string): Normalised => {
  const code = codeOf(text.trim())
  if (code !== undefined) return code
  const name = letters(text)
  return codeOf(name) ?? names.get(name) ?? (text.trim() === '' ? undefined : unknown)
}

const codeOf = (text: string): string | undefined => {
  if (text.length !== 2) return undefined
  const first = text.charCodeAt(0)
  const second = text.charCodeAt(1)
  return first < 0x80 && second < 0x80 ? byLetters[place(first, second)] : undefined
}

// The smallest metadata will do: it has every calling code, trunk prefix and length, and lacks only the patterns that tell
// mobile from fixed lines.
import { type CountryCode, isSupportedCountry, Metadata, parsePhoneNumberFromString } from 'libphonenumber-js/min'

/** What the library knows of a country, in the words of its metadata. */
interface NumberingPlan {
  callingCode(): string
  IDDPrefix(): string
  nationalPrefixForParsing(): string | undefined
  nationalNumberPattern(): string
}

/** The same with its patterns compiled, which the library does anew for each number. */
interface Plan {
  region: CountryCode
  callingCode: string
  /** Ways to dial out of the country. */
  abroad: RegExp
  trunk: RegExp | undefined
  /** Whether everything the trunk pattern matches is just to be cut; in some countries it also rearranges the number. */
  plainTrunk: boolean
  number: RegExp
}
const plans = new Map<string, Plan | undefined>()

const planOf = (country: string): Plan | undefined => {
  if (plans.has(country)) return plans.get(country)
  const region = country.toUpperCase()
  const plan = isSupportedCountry(region) ? compiled(region) : undefined
  plans.set(country, plan)
  return plan
}

const compiled = (region: CountryCode): Plan => {
  const metadata = new Metadata()
  metadata.selectNumberingPlan(region)
  const plan = metadata.numberingPlan as unknown as NumberingPlan
  const trunk = plan.nationalPrefixForParsing()
  return {
    region,
    callingCode: plan.callingCode(),
    abroad: new RegExp(`^(?:${plan.IDDPrefix()})`),
    trunk: trunk ? new RegExp(`^(?:${trunk})`) : undefined,
    plainTrunk: !/\((?!\?)/.test(trunk ?? ''),
    number: new RegExp(`^(?:${plan.nationalNumberPattern()})$`),
  }
}

/** Whether numbers of a country (normalised code) can be read. */
export const hasNumberingPlan = (country: string): boolean => planOf(country) !== undefined

/**
 * The digits of a number, country code first, from the digits dialled inside a country; `undefined` where no such number is
 * possible. The plain case, a trunk prefix or none before a number of the plan, is decided here, twenty times as fast as by
 * the library, which decides all others; a test holds the two together.
 */
export const withCallingCode = (digits: string, country: string): string | undefined => {
  const plan = planOf(country)
  if (plan === undefined) return undefined
  if (!digits.startsWith(plan.callingCode) && !plan.abroad.test(digits)) {
    const trunk = plan.trunk?.exec(digits)
    const national = trunk ? digits.slice(trunk[0].length) : digits
    if ((!trunk || plan.plainTrunk) && plan.number.test(national)) return plan.callingCode + national
  }
  const parsed = byLibrary(digits, plan.region)
  // A zero left over behind the trunk prefix is real in few countries only, Italy among them.
  return parsed?.national.startsWith('0') && !plan.number.test(parsed.national) ? undefined : parsed?.digits
}

/** The same by the library alone, which takes every number of a possible length. */
export const byLibrary = (digits: string, region: CountryCode): { digits: string; national: string } | undefined => {
  const number = parsePhoneNumberFromString(digits, { defaultCountry: region, extract: false })
  return number?.isPossible() ? { digits: number.number.slice(1), national: number.nationalNumber } : undefined
}

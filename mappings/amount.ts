import { type Dropped, dropped } from './normalise/normalised.ts'

const missing = dropped('amount_missing')
const invalid = dropped('amount_invalid')
const unknownCurrency = dropped('currency_unknown')

/** ISO 4217: currencies in use. */
const currencies = new Set(
  `AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BGN BHD BIF BMD BND BOB BRL BSD BTN BWP BYN BZD CAD CDF CHF CLP CNY COP CRC CUP
  CVE CZK DJF DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GNF GTQ GYD HKD HNL HTG HUF IDR ILS INR IQD IRR ISK JMD JOD
  JPY KES KGS KHR KMF KPW KRW KWD KYD KZT LAK LBP LKR LRD LSL LYD MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN
  NIO NOK NPR NZD OMR PAB PEN PGK PHP PKR PLN PYG QAR RON RSD RUB RWF SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL
  THB TJS TMT TND TOP TRY TTD TWD TZS UAH UGX USD UYU UZS VES VND VUV WST XAF XCD XCG XOF XPF YER ZAR ZMW ZWG`.split(/\s+/),
)

/** `value` and `currency` for a stage that asks for them: both or neither (Meta refuses a value without a currency). */
export const normaliseAmount = (
  amount: { value: number; currency?: string | undefined } | undefined,
): { value: number; currency: string } | Dropped => {
  if (amount === undefined) return missing
  if (!Number.isFinite(amount.value) || amount.value < 0) return invalid
  const currency = amount.currency?.trim().toUpperCase() ?? ''
  return currencies.has(currency) ? { value: amount.value, currency } : unknownCurrency
}

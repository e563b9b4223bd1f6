/**
 * Which stage Meta can be asked to look for, by Meta's conditions for conversion leads: at least 60 % of the leads reported, a stage that
 * 1 to 40 % of them reach within 28 days, about 200 leads a month, two stages or more (Meta, conversion leads: verify your data,
 * follow-up steps, FAQ). Pure.
 */
import type { Coverage } from './coverage.ts'
import { type Delays, medianHours, within28Days } from './delays.ts'
import { judgeShare, percent, type Verdict } from './share.ts'

export const conditions = {
  coverage: { min: 0.6, max: 1, least: 20 },
  conversion: { min: 0.01, max: 0.4, least: 50 },
  days: 28,
  leadsPerMonth: 200,
  stages: 2,
} as const
/** Leads that reached a stage, before anything is said of how long that takes. */
const LEAST_REACHED = 10
const MONTH = 30

export interface Condition {
  name: 'conversion' | 'time' | 'coverage' | 'volume' | 'stages'
  state: Verdict
  /** How many leads (at `stages`: stages) this was judged by. */
  sample: number
  text: string
}

export interface StageFigures {
  eventName: string
  /** Leads, of those that have had 28 days, that reached it: ever, and within 28 days. */
  reached: number
  reachedIn28Days: number
  /** 0 to 1, of the leads that have had 28 days; null where there is none. */
  share: number | null
  /** From the lead to the stage, of those that reached it; null where none did, or where it is more than 28 days. */
  medianHours: number | null
  /** Of the leads that reached it, those of whom it was reported. */
  covered: number
  /** How many leads a month reach it, at the share and the number of leads of today. */
  perMonth: number | null
  /** Those of the stage itself: `conversion`, `time`. */
  conditions: Condition[]
  /** Both are met. */
  fits: boolean
}

export interface Evidence {
  /** Leads that have had 28 days. */
  matureLeads: number
  /** Days of the last month in which there were leads, from the first lead on; 30 at most. */
  monthDays: number
  /** Leads of the last month. */
  monthLeads: number
  coverage: Coverage
  /** Event names under which something was sent in the last 28 days. */
  sentNames: number
  /** In funnel order, the raw lead first. */
  stages: readonly { eventName: string; delays: Delays; covered: number }[]
}

export interface Suitability {
  stages: StageFigures[]
  /** Conditions that are the same for all stages: `coverage`, `volume`, `stages`. */
  common: Condition[]
  /** The deepest stage that meets all conditions. */
  recommended: string | null
  /** Without one: the deepest that fits, so that only the campaign or the reporting is short of something. */
  closest: string | null
  /** What is recommended and why, or why nothing is. */
  text: string
}

export function judgeStages(evidence: Evidence): Suitability {
  const common = [judgeCoverage(evidence.coverage), judgeVolume(evidence), judgeNames(evidence.sentNames)]
  const stages = evidence.stages.map((stage): StageFigures => {
    const reached = Object.values(stage.delays).reduce((sum, count) => sum + count, 0)
    const reachedIn28Days = within28Days(stage.delays)
    const median = medianHours(stage.delays)
    const share = evidence.matureLeads === 0 ? null : reachedIn28Days / evidence.matureLeads
    const conditions = [judgeConversion(reachedIn28Days, evidence.matureLeads), judgeTime(median, reached)]
    return {
      eventName: stage.eventName,
      ...{ reached, reachedIn28Days, share, medianHours: median, covered: stage.covered },
      perMonth: share === null || evidence.monthDays === 0 ? null : Math.round((share * evidence.monthLeads * MONTH) / evidence.monthDays),
      conditions,
      fits: conditions.every(isMet),
    }
  })
  return { stages, common, ...recommend(stages, common, evidence) }
}

const isMet = ({ state }: Condition) => state === 'met'

function recommend(
  stages: readonly StageFigures[],
  common: readonly Condition[],
  { matureLeads }: Evidence,
): Pick<Suitability, 'recommended' | 'closest' | 'text'> {
  const deepest = stages.findLast(({ fits }) => fits)
  if (deepest !== undefined) {
    const { eventName, share, medianHours } = deepest
    const found = `${percent(share ?? 0)} of ${matureLeads} leads reach it within 28 days, half of these within ${describeHours(medianHours)}.`
    const short = common.filter((condition) => !isMet(condition)).map(({ text }) => text)
    if (short.length > 0) {
      return {
        recommended: null,
        closest: eventName,
        text: `"${eventName}" would fit: ${found} But not everything else is met. ${short.join(' ')}`,
      }
    }
    const text = `"${eventName}" is the deepest stage that meets all of Meta's conditions: ${found} Set it as the stage to optimise for in Events Manager.`
    return { recommended: eventName, closest: null, text }
  }
  if (matureLeads === 0 || stages.some(({ conditions }) => conditions.some(({ state }) => state === 'too_little_data'))) {
    const text = `There is not enough data yet: ${count(matureLeads, 'lead')} ${matureLeads === 1 ? 'has' : 'have'} had the 28 days that Meta gives a stage. At least ${conditions.conversion.least} are needed, and more where the share is near a limit.`
    return { recommended: null, closest: null, text }
  }
  const text = 'No stage is reached by 1 to 40 % of the leads within 28 days. Report a stage in between: map one more stage of the CRM.'
  return { recommended: null, closest: null, text }
}

function judgeConversion(reached: number, sample: number): Condition {
  const state = judgeShare(reached, sample, conditions.conversion)
  const found =
    sample === 0
      ? 'No lead has had 28 days yet.'
      : `${reached} of ${count(sample, 'lead')} reached it within 28 days (${percent(reached / sample)}).`
  const means = {
    met: 'Meta asks for 1 to 40 %.',
    not_met: 'Meta asks for 1 to 40 %.',
    too_little_data: 'That is too few leads to say whether it is 1 to 40 %, as Meta asks.',
  }
  return { name: 'conversion', state, sample, text: `${found} ${means[state]}` }
}

function judgeTime(median: number | null, reached: number): Condition {
  const state = reached < LEAST_REACHED ? 'too_little_data' : median !== null ? 'met' : 'not_met'
  const text =
    state === 'too_little_data'
      ? `Only ${count(reached, 'lead')} reached it, too few to say how long that takes. Meta asks for 28 days at most.`
      : `Half of the ${reached} leads that reached it needed ${describeHours(median)}. Meta asks for 28 days at most.`
  return { name: 'time', state, sample: reached, text }
}

function judgeCoverage({ basis, share, leads, text }: Coverage): Condition {
  const least = conditions.coverage.least
  const asked = `Meta asks for ${percent(conditions.coverage.min)}.`
  if (basis !== 'captured' || share === null) return { name: 'coverage', state: 'too_little_data', sample: 0, text: `${text} ${asked}` }
  if (leads < least)
    return { name: 'coverage', state: 'too_little_data', sample: leads, text: `${text} ${asked} These are too few leads to go by.` }
  return { name: 'coverage', state: share >= conditions.coverage.min ? 'met' : 'not_met', sample: leads, text: `${text} ${asked}` }
}

function judgeVolume({ monthDays, monthLeads }: Evidence): Condition {
  const state = monthLeads >= conditions.leadsPerMonth ? 'met' : monthDays < MONTH ? 'too_little_data' : 'not_met'
  const came = `${count(monthLeads, 'lead')} came in the`
  const found =
    monthDays === 0
      ? 'No day has been counted whole yet.'
      : monthDays < MONTH
        ? `${came} first ${monthDays === 1 ? 'day' : `${monthDays} days`}.`
        : `${came} last ${MONTH} days.`
  return { name: 'volume', state, sample: monthLeads, text: `${found} Meta asks for about ${conditions.leadsPerMonth} a month.` }
}

function judgeNames(names: number): Condition {
  const state = names >= conditions.stages ? 'met' : 'not_met'
  const text = `${names === 1 ? '1 stage was' : `${names} stages were`} reported in the last 28 days. Meta asks for two or more, the raw lead included, and advises three.`
  return { name: 'stages', state, sample: names, text }
}

const count = (n: number, one: string) => `${n} ${one}${n === 1 ? '' : 's'}`

/** `3 hours`, `5 days`; null is more than Meta gives a stage. */
export function describeHours(hours: number | null): string {
  if (hours === null) return 'more than 28 days'
  return hours < 48 ? count(Math.max(1, Math.round(hours)), 'hour') : count(Math.round(hours / 24), 'day')
}

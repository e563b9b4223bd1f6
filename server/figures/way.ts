/**
 * The way of a dataset from its first event to a campaign that has learned, about 60 days: what is known here, and what only Meta
 * shows, which a person says to be done (Meta, conversion leads: implementing, verify your data, configure your sales funnel, FAQ). Pure.
 */

/** In order. `seven_days` and `accepted` are known here, the others have to be ticked. */
export const waySteps = ['accepted', 'seen', 'verified', 'seven_days', 'funnel', 'learning'] as const
export type WayStep = (typeof waySteps)[number]
export type TickedStep = Exclude<WayStep, 'accepted' | 'seven_days'>
export const tickedSteps: readonly TickedStep[] = ['seen', 'verified', 'funnel', 'learning']

export interface Tick {
  by: string
  at: Date
}

export interface Step {
  step: WayStep
  title: string
  /** `done`; `next`: somebody has to do something; `waiting`: time has to pass; `later`: an earlier step comes first. */
  state: 'done' | 'next' | 'waiting' | 'later'
  /** Since when it is in this state, where that is known. A day for what is known by its day. */
  since: string | null
  /** What we know of it. */
  known: string
  /** What only Meta's pages show; null where we know it all. */
  onlyMetaShows: string | null
  /** What to do. */
  next: string | null
  /** Who said that it is done; absent where nobody has to. */
  tick?: Tick | null
}

export interface WayFacts {
  /** When Meta accepted the first event; null: none yet. */
  acceptedAt: Date | null
  /** The days of stages whose events Meta accepted, `YYYY-MM-DD`, ascending. */
  days: readonly string[]
  /** Milliseconds since the epoch. */
  now: number
  /** Why nothing is sent now, where that is so. */
  held: string | null
  ticks: Partial<Record<TickedStep, Tick>>
}

const DAY = 86_400_000
/** Meta asks for so many days of data, not necessarily in a row. */
const NEEDED_DAYS = 7

/** @param ms whole days of it count */
function daysAgo(ms: number): string {
  const days = Math.floor(ms / DAY)
  return days === 0 ? 'today' : days === 1 ? 'a day ago' : `${days} days ago`
}

/** The steps of one dataset. */
export function wayOf(facts: WayFacts): Step[] {
  const { acceptedAt, days, now, ticks } = facts
  const accepted = acceptedAt?.toISOString() ?? null
  const verifiable = acceptedAt === null ? null : new Date(acceptedAt.getTime() + DAY)
  const seventh = days[NEEDED_DAYS - 1] ?? null
  /** A step that a person has to tick. */
  const ticked = (step: TickedStep, otherwise: Pick<Step, 'state' | 'since'>): Pick<Step, 'state' | 'since' | 'tick'> => {
    const tick = ticks[step] ?? null
    return tick === null ? { ...otherwise, tick } : { state: 'done', since: tick.at.toISOString(), tick }
  }
  const nextOnce = (ready: boolean, since: string | null): Pick<Step, 'state' | 'since'> =>
    ready ? { state: 'next', since } : { state: accepted === null ? 'later' : 'waiting', since: null }
  const steps: Step[] = [
    {
      step: 'accepted',
      title: 'Meta has accepted a first event',
      state: accepted === null ? 'next' : 'done',
      since: accepted,
      known:
        accepted === null
          ? 'No event was accepted so far; what is accepted counts here within a minute.'
          : `The first event was accepted on ${accepted.slice(0, 10)}.`,
      onlyMetaShows: null,
      next: accepted === null ? (facts.held ?? 'Have a lead reach a stage that is mapped: its event goes out within seconds.') : null,
    },
    {
      step: 'seen',
      title: 'The events are seen in Events Manager',
      ...ticked('seen', nextOnce(accepted !== null, accepted)),
      known: 'That Meta accepts an event is no proof that it counts it.',
      onlyMetaShows: 'Events Manager, the dataset, Overview: the events under their names, within about an hour.',
      next: 'Look there, and tick this step once they show.',
    },
    {
      step: 'verified',
      title: 'Meta has verified the events',
      ...ticked('verified', nextOnce(verifiable !== null && now >= verifiable.getTime(), verifiable?.toISOString() ?? null)),
      known: 'It cannot be seen from here. Meta takes a day.',
      onlyMetaShows: 'Events Manager, the dataset, Settings, Conversion Leads: a green tick, a day after the first events.',
      next: 'Look there, and at Diagnostics; tick this step once it is green.',
    },
    {
      step: 'seven_days',
      title: 'There are seven days of data',
      state: seventh !== null ? 'done' : accepted === null ? 'later' : 'waiting',
      since: seventh ?? accepted,
      known: `Meta accepted events of ${days.length === 1 ? '1 day' : `${days.length} days`}; it asks for seven, not necessarily in a row.`,
      onlyMetaShows: null,
      next: 'Let it run: every day on which a lead reaches a stage counts.',
    },
    {
      step: 'funnel',
      title: 'The sales funnel is set up',
      ...ticked('funnel', nextOnce(seventh !== null, seventh)),
      known: 'The stages and their order are those of the mapping; the report on the stages says which of them suits as target.',
      onlyMetaShows: 'Events Manager, the dataset, Settings, Conversion Leads, Configure funnel. Meta may have drafted one.',
      next: 'Put the stages in order there, leave lost and disqualified out, choose the target stage, and share the dataset with the ad accounts.',
    },
    {
      step: 'learning',
      title: 'The campaign has learned',
      ...ticked(
        'learning',
        ticks.funnel === undefined ? { state: 'later', since: null } : { state: 'waiting', since: ticks.funnel.at.toISOString() },
      ),
      known:
        ticks.funnel === undefined
          ? 'It begins with the funnel.'
          : `It began ${daysAgo(now - ticks.funnel.at.getTime())}; Meta speaks of two to eight weeks.`,
      onlyMetaShows: 'Ads Manager, the campaign that optimises for conversion leads: whether it still learns.',
      next: 'Leave dataset, funnel and event names as they are: another dataset begins again at nothing. Tick this step when Meta says that it has learned.',
    },
  ]
  return steps.map((step) => (step.state === 'done' || step.state === 'later' ? { ...step, next: null } : step))
}

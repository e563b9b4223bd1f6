import { percent } from './share.ts'

/** For how many of Meta's leads something was reported. */
export interface Coverage {
  /**
   * `captured`: of the leads that Meta told us of. `seen`: Meta tells us of none, so this is of those that came to the CRM, and how many
   * there were is not known. `none`: there was no lead.
   */
  basis: 'captured' | 'seen' | 'none'
  leads: number
  covered: number
  /** 0 to 1; null without leads. */
  share: number | null
  text: string
}

/** @param hasPage Meta tells of the workspace's leads */
export function coverageOf(
  { leads, covered, captured, capturedCovered }: { leads: number; covered: number; captured: number; capturedCovered: number },
  hasPage: boolean,
): Coverage {
  if (captured > 0) {
    const share = capturedCovered / captured
    const text = `Of ${captured} leads that Meta generated, ${capturedCovered} had an event sent (${percent(share)}).`
    return { basis: 'captured', leads: captured, covered: capturedCovered, share, text }
  }
  if (leads === 0) {
    return {
      basis: 'none',
      leads: 0,
      covered: 0,
      share: null,
      text: hasPage ? 'Meta generated no lead in this time.' : 'No lead came in this time.',
    }
  }
  const share = covered / leads
  const why = hasPage ? 'The page has told of none in this time' : 'No Facebook page is connected'
  const text = `${why}, so how many leads Meta generated is not known. Of ${leads} that came to the CRM, ${covered} had an event sent (${percent(share)}).`
  return { basis: 'seen', leads, covered, share, text }
}

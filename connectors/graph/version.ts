/**
 * The version of Meta's Graph API that we speak, and the days it was released and stops working (Graph API changelog). The
 * end of v26.0 is not announced: a version lives at least two years, so that is the day taken here. Every other place
 * takes the version from configuration, which takes its default from here.
 */
export const GRAPH_API = { version: 'v26.0', released: '2026-07-29', sunset: '2028-07-29' } as const

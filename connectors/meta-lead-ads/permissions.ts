/** The permissions that reading a page's leads takes (Meta, lead ads retrieving; leadgen webhooks), and what each is for. */

interface Permission {
  name: string
  /** What does not work without it. */
  without: string
  /** Without it nothing works at all. */
  fatal: boolean
}

/** Asked for by name in code. */
export const ADS_MANAGEMENT = 'ads_management'

export const permissions: readonly Permission[] = [
  { name: 'leads_retrieval', without: 'no lead can be read', fatal: true },
  { name: 'pages_show_list', without: 'the page cannot be found among those of the person who connects it', fatal: true },
  { name: 'pages_read_engagement', without: 'the forms of the page and their leads cannot be read', fatal: true },
  {
    name: 'pages_manage_ads',
    without: 'the forms of the page cannot be listed, so that leads that Meta did not report are not found',
    fatal: true,
  },
  { name: 'pages_manage_metadata', without: 'Meta does not report new leads; they are found up to half an hour later', fatal: false },
  { name: ADS_MANAGEMENT, without: 'it is not known from which ad and campaign a lead comes', fatal: false },
]

/** The lead statuses and stages of a new org. */

export interface LeadStatus {
  ApiName: string
  MasterLabel: string
  IsConverted: boolean
  IsDefault: boolean
  SortOrder: number
}
export interface OpportunityStage {
  ApiName: string
  MasterLabel: string
  IsActive: boolean
  IsClosed: boolean
  IsWon: boolean
  ForecastCategory: string
  ForecastCategoryName: string
  /** Per cent. */
  DefaultProbability: number
  SortOrder: number
}

/** A lead status whose label is its API name. */
export const leadStatus = (given: Partial<LeadStatus> & { ApiName: string }): LeadStatus => ({
  MasterLabel: given.ApiName,
  IsConverted: false,
  IsDefault: false,
  SortOrder: 1,
  ...given,
})

/** A stage whose label is its API name; the forecast follows from what kind it is. */
export const opportunityStage = (given: Partial<OpportunityStage> & { ApiName: string }): OpportunityStage => {
  const [category, categoryName] = given.IsWon ? ['Closed', 'Closed'] : given.IsClosed ? ['Omitted', 'Omitted'] : ['Pipeline', 'Pipeline']
  return {
    MasterLabel: given.ApiName,
    IsActive: true,
    IsClosed: false,
    IsWon: false,
    ForecastCategory: category,
    ForecastCategoryName: categoryName,
    DefaultProbability: given.IsWon ? 100 : given.IsClosed ? 0 : 10,
    SortOrder: 1,
    ...given,
  }
}

/** Sort orders have holes, as in orgs that have deleted values. */
export const leadStatuses: LeadStatus[] = [
  leadStatus({ ApiName: 'Open - Not Contacted', IsDefault: true, SortOrder: 1 }),
  leadStatus({ ApiName: 'Working - Contacted', SortOrder: 2 }),
  leadStatus({ ApiName: 'Closed - Converted', IsConverted: true, SortOrder: 4 }),
  leadStatus({ ApiName: 'Closed - Not Converted', SortOrder: 5 }),
]

export const opportunityStages: OpportunityStage[] = [
  ...(
    [
      ['Prospecting', 10],
      ['Qualification', 10],
      ['Needs Analysis', 20],
      ['Value Proposition', 50],
      ['Id. Decision Makers', 60],
      ['Perception Analysis', 70],
      ['Proposal/Price Quote', 75],
      ['Negotiation/Review', 90],
    ] as const
  ).map(([ApiName, DefaultProbability], index) => opportunityStage({ ApiName, DefaultProbability, SortOrder: index + 1 })),
  opportunityStage({ ApiName: 'Closed Won', IsClosed: true, IsWon: true, SortOrder: 10 }),
  opportunityStage({ ApiName: 'Closed Lost', IsClosed: true, SortOrder: 11 }),
]

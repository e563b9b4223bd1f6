/** Leads and opportunities as they are now, deleted ones too, in as few requests as Salesforce allows. */
import type { ConnectionContext } from '../connector.ts'
import { CodedError } from '../errors.ts'
import { type ReadableFields, readableFields } from './fields.ts'
import { query, queryByIds, type Row } from './query.ts'
import { forget } from './remember.ts'
import type { SalesforceSettings } from './settings.ts'

type Context = ConnectionContext<SalesforceSettings>

export interface Reader {
  fields: ReadableFields
  /** Leads by their own ids, or by those of the opportunities they were converted to. */
  leads(by: 'Id' | 'ConvertedOpportunityId', ids: readonly string[]): Promise<Row[]>
  /** None where the user may not see opportunities. */
  opportunities(ids: readonly string[]): Promise<Row[]>
}

/** Throws as `readableFields`. */
export async function createReader(context: Context): Promise<Reader> {
  const fields = await readableFields(context)

  async function read(selected: readonly string[], where: string, ids: readonly string[]): Promise<Row[]> {
    const soql = (list: string) => `SELECT ${[...new Set(selected)].join(', ')} FROM ${where} IN ${list}`
    try {
      return (await queryByIds(ids, soql, (question) => query(context.client, question, { all: true }))).flat()
    } catch (error) {
      // A field went away since the fields were read: they are read anew when this is tried again.
      if (error instanceof CodedError && error.code === 'unknown_field') forget(context.client)
      throw error
    }
  }

  const always = ['Id', 'IsDeleted', 'CreatedDate', 'LastModifiedDate']
  const conversion = [
    'IsConverted',
    'ConvertedDate',
    'ConvertedOpportunityId',
    ...(fields.opportunity ? ['ConvertedOpportunity.CreatedDate'] : []),
  ]
  const { opportunity = [] } = fields
  return {
    fields,
    leads: (by, ids) => read([...always, 'MasterRecordId', 'Status', ...conversion, ...fields.lead], `Lead WHERE ${by}`, ids),
    opportunities: (ids) => read([...always, 'StageName', ...opportunity], 'Opportunity WHERE Id', fields.opportunity ? ids : []),
  }
}

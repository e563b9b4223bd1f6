/** Leads of invented people for an org that reviewers get, as `sf data import tree` reads them. */
import * as brought from '../../../connectors/salesforce/package.ts'
import { metaLeadId, person } from '../../demo/people.ts'

const COUNT = 12

/** The file that the plan beside it names. The last two leads have no Meta lead id, as those from elsewhere. */
export function sampleLeads(): string {
  const records = Array.from({ length: COUNT }, (_, index) => {
    const { firstname, lastname, email, phone, city, state, zip, country } = person(index)
    return {
      attributes: { type: 'Lead', referenceId: `Lead${index + 1}` },
      ...{ FirstName: firstname, LastName: lastname, Company: `${lastname} Ltd`, Email: email, Phone: phone },
      ...{ City: city, State: state, PostalCode: zip, Country: country, Status: 'Open - Not Contacted' },
      ...(index < COUNT - 2 && { [brought.leadIdField]: metaLeadId(index) }),
    }
  })
  return `${JSON.stringify({ records }, null, 2)}\n`
}

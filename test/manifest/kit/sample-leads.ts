/** Leads of invented people for an org that reviewers get, as `sf data import tree` reads them. */
import * as brought from '../../../connectors/salesforce/package.ts'
import { metaLeadId, person } from '../../demo/people.ts'

const COUNT = 12
const FILE = 'Leads.json'

/** Files by name: the plan, and what it imports. The last two leads have no Meta lead id, as those from elsewhere. */
export function sampleLeads(): Record<string, string> {
  const records = Array.from({ length: COUNT }, (_, index) => {
    const { firstname, lastname, email, phone, city, state, zip, country } = person(index)
    return {
      attributes: { type: 'Lead', referenceId: `Lead${index + 1}` },
      ...{ FirstName: firstname, LastName: lastname, Company: `${lastname} Ltd`, Email: email, Phone: phone },
      ...{ City: city, State: state, PostalCode: zip, Country: country, Status: 'Open - Not Contacted' },
      ...(index < COUNT - 2 && { [brought.leadIdField]: metaLeadId(index) }),
    }
  })
  return { 'plan.json': json([{ sobject: 'Lead', files: [FILE] }]), [FILE]: json({ records }) }
}

const json = (value: unknown) => `${JSON.stringify(value, null, 2)}\n`

/** The guided first run, played by a script that counts what a person has to do. */
import type { Locator } from 'playwright-core'
import t from 'tap'
import { type TestApp, TOKEN } from '../support/app.ts'
import { picture } from '../support/chromium.ts'
import { busyOrg, ORG_DATASET } from './page/busy-account.ts'
import { buildPage, pages, seriousFindings } from './page/open-page.ts'

const MOST_ACTIONS = 12
const NEW_LEAD = '12345678901239999'

/** Somebody fills in a form, and the CRM gets to know. */
const newLead = (it: TestApp, orgId: string) =>
  it.salesforce.insert({
    ...{ orgId, object: 'Lead' },
    records: [{ LastName: 'New', Company: 'Acme', Email: 'new@example.com', Meta_Lead_ID__c: NEW_LEAD }],
  })

t.before(buildPage)

t.test(
  'an admin goes from a connected CRM to the first event in at most twelve actions, typing nothing but dataset and token',
  async (t) => {
    const { it, user, orgId, connectionId, leads } = await busyOrg(t, { leads: 4, fresh: true })
    const { framed } = await pages(t, it)
    const { inside, page, complaints } = await framed({ user })
    let actions = 0
    const typed: string[] = []
    const press = async (what: Locator) => {
      actions++
      await what.click()
    }
    const button = (name: string) => inside.getByRole('button', { name, exact: true })
    const type = async (what: Locator, text: string) => {
      actions++
      typed.push(text)
      await what.fill(text)
    }

    await press(inside.getByRole('link', { name: 'Continue' }))
    await inside.getByRole('heading', { level: 1, name: 'Set up' }).waitFor()
    await button('Connect it').waitFor()
    await picture(page, 'first-run-dataset')
    t.strictSame(await seriousFindings(inside), [])
    await type(inside.getByLabel('Dataset id'), ORG_DATASET)
    await type(inside.getByRole('textbox', { name: 'Access token' }), `${TOKEN}S`)
    await press(inside.getByRole('radio', { name: 'Yes' }))
    await press(button('Connect it'))

    await press(button('No, nothing else'))
    await inside
      .getByText(/of your latest 4 people would count/)
      .first()
      .waitFor()
    await picture(page, 'first-run-leads')
    await press(button('Yes, these count'))
    await press(button('Consent is settled in another way'))
    const payload = inside.getByRole('textbox', { name: 'What Meta would get of one real lead' })
    await payload.waitFor()
    t.match(await payload.inputValue(), /"lead_id": 1234567890123\d{4}[,\n]/, 'the id is shown digit by digit')
    t.strictSame(await seriousFindings(inside), [])
    await picture(page, 'first-run-stages')
    await press(button('These are right'))
    await inside.getByText('Move a lead to the next stage').waitFor()

    // In the CRM, by whoever works with the lead.
    it.salesforce.update({ orgId, object: 'Lead', records: [{ Id: String(leads[1]), Status: 'Closed - Not Converted' }] })
    newLead(it, orgId)
    const sendOne = inside.getByRole('button', { name: /^Send “Raw Lead” of lead / })
    await sendOne.waitFor()
    t.equal(it.meta.events({ dataset: ORG_DATASET }).length, 0, 'nothing is sent before somebody says so')
    await picture(page, 'first-run-one')
    await press(sendOne)
    await inside.getByText('Meta’s trace id').waitFor()
    t.match(it.meta.events({ dataset: ORG_DATASET }), [{ leadId: NEW_LEAD }], 'one event, and no other')
    t.strictSame(await seriousFindings(inside), [])
    await picture(page, 'first-run-one-sent')
    await press(button('Start sending'))
    await inside.getByText('Meta’s trace id').waitFor()
    await press(button('Skip this'))
    await inside.getByText('Everything is set up').waitFor()
    await picture(page, 'first-run-done')
    t.comment(`${actions} actions`)
    t.ok(actions <= MOST_ACTIONS, `${actions} actions`)
    t.strictSame(typed, [ORG_DATASET, `${TOKEN}S`])
    t.strictSame(complaints, [])
    t.match(await it.db.selectFrom('route').select('mode').where('connection_id', '=', connectionId).execute(), [{ mode: 'live' }])
  },
)

t.test(
  'whoever has something else that reports stays in shadow mode until they start, and whoever has a consent field names it',
  async (t) => {
    const { it, user, orgId, connectionId } = await busyOrg(t, { leads: 4, fresh: true })
    const { framed } = await pages(t, it)
    const { inside, page, complaints } = await framed({ user })
    const button = (name: string) => inside.getByRole('button', { name, exact: true })
    await inside.getByRole('link', { name: 'Continue' }).click()
    await button('Send a link instead').click()
    t.match(await inside.getByRole('textbox', { name: 'Link for a colleague' }).inputValue(), /\/connect\//)
    await inside.getByLabel('Dataset id').fill('12x')
    await button('Connect it').click()
    await inside.getByText('Digits only').waitFor()
    await inside.getByLabel('Dataset id').fill(ORG_DATASET)
    await inside.getByRole('textbox', { name: 'Access token' }).fill('EAAwrongtoken00000000000000000001')
    await inside.getByRole('radio', { name: 'Yes' }).click()
    await button('Connect it').click()
    await inside.getByRole('alert').waitFor()
    await inside.getByRole('textbox', { name: 'Access token' }).fill(`${TOKEN}S`)
    await button('Connect it').click()
    await button('Yes, something else does').click()
    await button('Yes, these count').click()
    await button('A field of the CRM says so').click()
    await inside.getByRole('button', { name: 'Add a rule: Opt-out' }).click()
    await inside.getByRole('combobox', { name: 'Field', exact: true }).click()
    await inside.getByRole('option', { name: /LeadSource/ }).click()
    await inside.getByRole('textbox', { name: 'Value' }).fill('Web')
    await button('Add').click()
    await button('Use these fields').click()
    await button('These are right').click()
    await inside.getByText('You begin in shadow mode').waitFor()
    await button('Stay in shadow mode for now').click()
    await inside.getByRole('heading', { name: 'You are in shadow mode' }).waitFor()
    t.equal(await inside.getByRole('img', { name: 'Done' }).count(), 9, 'nothing is left to do')
    await picture(page, 'first-run-shadow')
    t.strictSame(await seriousFindings(inside), [])
    const mode = () => it.db.selectFrom('route').select('mode').where('connection_id', '=', connectionId).execute()
    t.match(await mode(), [{ mode: 'shadow' }])
    await inside.getByRole('link', { name: 'Overview', exact: true }).click()
    await inside.getByRole('link', { name: 'Go to the start' }).waitFor()
    t.equal(await inside.getByText('Setting up').count(), 0)
    await picture(page, 'overview-shadow')

    await inside.getByRole('link', { name: 'Go to the start' }).click()
    await button('Start sending').click()
    // While nothing was live, what is moved would be kept back.
    await inside.getByText('Move a lead to the next stage in your CRM; its event shows here within seconds.', { exact: true }).waitFor()
    newLead(it, orgId)
    await inside.getByText('Meta’s trace id').waitFor()
    await picture(page, 'first-run-sent')
    t.match(await mode(), [{ mode: 'live' }])
    await button('Skip this').waitFor()
    const { rules } = await it.db.selectFrom('connection').select('rules').where('id', '=', connectionId).executeTakeFirstOrThrow()
    t.match(rules, { optOut: [{ field: 'LeadSource', equals: 'Web' }] })
    t.match(complaints, [/400|422/], 'but for the token that Meta refused')
  },
)

/** The stages on the settings page: reported, moved, renamed and saved, by mouse and by keyboard, and by two people at once. */
import t, { type Test } from 'tap'
import { readMapping } from '../../server/settings/mappings.ts'
import { until } from '../support/app.ts'
import { picture } from '../support/chromium.ts'
import { busyOrg } from './page/busy-account.ts'
import { buildPage, pages, seriousFindings } from './page/open-page.ts'

t.before(buildPage)

async function opened(t: Test) {
  const account = await busyOrg(t, { leads: 4 })
  const { it, user, connectionId } = account
  const { framed } = await pages(t, it)
  const open = async () => {
    const shown = await framed({ user })
    await shown.inside.getByRole('link', { name: 'Stages', exact: true }).click()
    await shown.inside.getByRole('heading', { level: 1, name: 'Stages' }).waitFor()
    await shown.inside.getByRole('button', { name: 'Report Qualification' }).waitFor()
    return shown
  }
  const names = async () =>
    (await readMapping({ db: it.db, actor: 'test' }, connectionId)).mapping.stages.flatMap(({ eventName }) => eventName ?? [])
  return { ...account, open, names }
}

t.test('a stage is reported, renamed, moved by keyboard, and saved', async (t) => {
  const { open, names } = await opened(t)
  const { inside, page } = await open()
  await inside.getByRole('button', { name: 'Report Qualification' }).click()
  const name = inside.getByRole('textbox', { name: 'Name at Meta of Qualification' })
  await name.fill('')
  t.ok(await inside.getByRole('button', { name: 'Save', exact: true }).isDisabled(), 'a name is needed')
  await inside.getByText('Give it a name').waitFor()
  await name.fill('Proven Need')
  await name.press('Alt+ArrowUp')
  await inside.getByText('Qualification is now number 5 of 6.').waitFor()
  await inside.getByRole('button', { name: 'Move Qualification up' }).click()
  await inside.getByText('Qualification is now number 4 of 6.').waitFor()
  await inside.getByRole('button', { name: 'Move Qualification down' }).click()
  await picture(page, 'stages-changed')
  await inside.getByRole('button', { name: 'Save', exact: true }).click()
  await inside.getByText('The stages are saved.').waitFor()
  t.strictSame(await names(), ['Raw Lead', 'Marketing Qualified Lead', 'Qualified Lead', 'Sales Opportunity', 'Proven Need', 'Converted'])
})

t.test(
  'whoever uses the keyboard keeps their place, whatever becomes of the button, and nothing is lost in going to another view',
  async (t) => {
    const { open } = await opened(t)
    const { inside } = await open()
    const press = (name: string) => inside.getByRole('button', { name, exact: true }).press('Enter')
    const isFocused = (name: string) => inside.getByRole('button', { name, exact: true }).and(inside.locator(':focus')).waitFor()
    await press('Report Qualification')
    await isFocused('Report Needs Analysis')
    await press('Do not report Prospecting')
    await isFocused('Do not report Closed Won')
    await inside.getByRole('link', { name: 'Activity', exact: true }).click()
    await inside.getByRole('heading', { level: 1, name: 'Activity' }).waitFor()
    await inside.getByRole('link', { name: 'Stages', exact: true }).click()
    await inside.getByRole('textbox', { name: 'Name at Meta of Qualification' }).waitFor()
    await press('Discard')
    await inside.locator('main:focus').waitFor()
    await press('Use the proposal')
    await inside.getByText('The proposal is filled in').waitFor()
    await isFocused('Use the proposal')
  },
)

t.test('what is discarded was never there, and the proposal can be taken', async (t) => {
  const { open, names } = await opened(t)
  const before = await names()
  const { inside } = await open()
  await inside.getByRole('button', { name: 'Do not report Prospecting' }).click()
  await inside.getByRole('button', { name: 'Discard' }).click()
  await inside.getByRole('textbox', { name: 'Name at Meta of Prospecting' }).waitFor()
  await inside.getByRole('button', { name: 'Use the proposal' }).click()
  await inside.getByText('The proposal is filled in').waitFor()
  t.strictSame(await names(), before, 'nothing is saved before somebody saves')
})

t.test('a name that Meta has learned from changes only after a question', async (t) => {
  const { open, names } = await opened(t)
  const { inside, page } = await open()
  await inside.getByRole('textbox', { name: 'Name at Meta of Working - Contacted' }).fill('In Talks')
  await inside.getByRole('button', { name: 'Save', exact: true }).click()
  await inside.getByRole('dialog').getByText('A new name begins at nothing').waitFor()
  await picture(page, 'stages-rename')
  t.notOk((await names()).includes('In Talks'))
  await inside.getByRole('button', { name: 'Change them all the same' }).click()
  await inside.getByText('The stages are saved.').waitFor()
  t.ok((await names()).includes('In Talks'))
})

t.test('of two who change the stages at once, the second sees what the first did, and both changes can be kept', async (t) => {
  const { open, names } = await opened(t)
  const [first, second] = [await open(), await open()]
  const save = async ({ inside }: typeof first, stage: string, name = stage) => {
    await inside.getByRole('button', { name: `Report ${stage}` }).click()
    await inside.getByRole('textbox', { name: `Name at Meta of ${stage}` }).fill(name)
    await inside.getByRole('button', { name: 'Save', exact: true }).click()
  }
  const saved = ({ inside }: typeof first) => inside.getByText('You have changes that are not saved.').waitFor({ state: 'detached' })
  await save(first, 'Qualification')
  await saved(first)
  await save(second, 'Needs Analysis')
  await second.inside.getByText(/Changed by you on/).waitFor()
  await second.inside.getByText('Qualification: Not reported → “Qualification”').waitFor()
  t.notOk((await names()).includes('Needs Analysis'), 'nothing was overwritten')
  await second.inside.getByRole('button', { name: 'Show what is there now' }).click()
  await second.inside.getByRole('textbox', { name: 'Name at Meta of Qualification' }).waitFor()

  await save(first, 'Value Proposition')
  await saved(first)
  await save(second, 'Needs Analysis')
  await second.inside.getByText('Nothing of it contradicts what you changed.').waitFor()
  await second.inside.getByRole('button', { name: 'Save both together' }).click()
  await until(async () => (await names()).includes('Needs Analysis'))
  t.ok((await names()).includes('Value Proposition'), 'nobody lost anything')

  const third = await open()
  await save(third, 'Perception Analysis', 'Seen')
  await saved(third)
  await save(second, 'Perception Analysis', 'Perceived')
  const choice = second.inside.getByRole('radiogroup', { name: 'Perception Analysis' })
  await choice.getByRole('radio', { name: 'Theirs: “Seen”' }).waitFor()
  const both = second.inside.getByRole('button', { name: 'Save both together' })
  t.ok(await both.isDisabled(), 'nobody chose yet')
  t.strictSame(await seriousFindings(second.inside), [])
  await choice.getByRole('radio', { name: 'Yours: “Perceived”' }).click()
  await choice.scrollIntoViewIfNeeded()
  await picture(second.page, 'stages-conflict')
  await both.click()
  await until(async () => (await names()).includes('Perceived'))
  t.notOk((await names()).includes('Seen'))
})

t.test('a former version can be looked at and taken back, and saved only then', async (t) => {
  const { open, names } = await opened(t)
  const before = await names()
  const { inside, page, complaints } = await open()
  await inside.getByRole('button', { name: 'Report Qualification' }).click()
  const bar = inside.getByRole('region', { name: 'You have changes that are not saved.' })
  const { y = Number.NaN } = (await bar.boundingBox()) ?? {}
  t.ok(y < 820, 'saving stays in sight however long the list is')
  await bar.getByRole('button', { name: 'Save' }).click()
  await inside.getByText('The stages are saved.').waitFor()
  const history = inside.getByRole('region', { name: 'Versions' })
  await history.getByText('Qualification: Not reported → “Qualification”').waitFor()
  await history.getByText(/^by you on /).waitFor()
  await history.getByText('Show all of it').first().click()
  t.strictSame(await seriousFindings(inside), [])
  await history.scrollIntoViewIfNeeded()
  await picture(page, 'stages-history')
  await history.getByRole('button', { name: 'Go back to version 1' }).click()
  await inside.getByText('Version 1 is filled in. Look it over, then save.').waitFor()
  t.not((await names()).length, before.length, 'nothing is saved yet')
  await inside.getByRole('button', { name: 'Save', exact: true }).click()
  await inside.getByText('The stages are saved.').waitFor()
  t.strictSame(await names(), before)
  await history.getByText('Version 3').waitFor()
  t.strictSame(complaints, [])
})

/** The stages on the settings page: reported, moved, renamed and saved, by mouse and by keyboard, and by two people at once. */
import t, { type Test } from 'tap'
import { readMapping } from '../../server/settings/mappings.ts'
import { picture } from '../support/chromium.ts'
import { busyOrg } from './page/busy-account.ts'
import { buildPage, pages } from './page/open-page.ts'

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

t.test('of two who change the stages at once, the second is told by whom, and has two ways out', async (t) => {
  const { open, names } = await opened(t)
  const [first, second] = [await open(), await open()]
  const save = async ({ inside }: typeof first, stage: string) => {
    await inside.getByRole('button', { name: `Report ${stage}` }).click()
    await inside.getByRole('button', { name: 'Save', exact: true }).click()
  }
  await save(first, 'Qualification')
  await first.inside.getByText('The stages are saved.').waitFor()
  await save(second, 'Needs Analysis')
  await second.inside.getByText(/Changed by you on/).waitFor()
  await picture(second.page, 'stages-conflict')
  t.notOk((await names()).includes('Needs Analysis'), 'nothing was overwritten')
  await second.inside.getByRole('button', { name: 'Show what is there now' }).click()
  await second.inside.getByRole('textbox', { name: 'Name at Meta of Qualification' }).waitFor()

  await save(first, 'Value Proposition')
  await save(second, 'Needs Analysis')
  await second.inside.getByRole('button', { name: 'Save mine all the same' }).click()
  await second.inside.getByText('The stages are saved.').waitFor()
  t.ok((await names()).includes('Needs Analysis'))
})

import t from 'tap'
import { check } from '../../../connectors/meta-lead-ads/check.ts'
import { listFields } from '../../../connectors/meta-lead-ads/fields.ts'
import { install } from '../../../connectors/meta-lead-ads/install.ts'
import { permissions } from '../../../connectors/meta-lead-ads/permissions.ts'
import { subscribe } from '../../../connectors/meta-lead-ads/subscription.ts'
import { http } from '../bare-client.ts'
import { openPage, PAGE } from './page.ts'

t.test('a page of which nothing is missing has no findings, once Meta reports its leads', async (t) => {
  const { meta, context, app, token } = await openPage(t)
  t.match(await check(context), [{ code: 'not_subscribed', fatal: false }])
  await subscribe(context)
  await subscribe(context)
  t.same(meta.leadAds.subscription({ page: PAGE }).fields, ['leadgen'])
  t.same(await check(context), [])
  const grant = await install.refresh(app, { refreshToken: token }, http, Date.now())
  await install.leave?.({ client: context.client, app, grant, http })
  t.equal(meta.leadAds.subscription({ page: PAGE }).fields, null)
})

t.test('each missing permission is named, with what does not work without it', async (t) => {
  for (const { name, fatal, without } of permissions) {
    const { meta, context } = await openPage(t, { scopes: permissions.map((it) => it.name).filter((it) => it !== name) })
    await subscribe(context)
    meta.leadAds.permit({ permission: name, on: false })
    const findings = await check(context)
    t.match(findings[0], { code: 'missing_permission', fatal }, name)
    t.ok(findings[0]?.text.includes(name) && findings[0].text.includes(without))
  }
})

t.test('what withholds leads in spite of permissions is named', async (t) => {
  const { meta, context } = await openPage(t)
  await subscribe(context)
  const access = { page: PAGE, can_access_lead: false }
  meta.leadAds.leadAccess({ ...access, app_has_leads_permission: false, enabled_lead_access_manager: true })
  t.match(await check(context), [{ code: 'leads_withheld', fatal: true, text: /Leads Access Manager.*CRMs/ }])
  meta.leadAds.leadAccess({ ...access, app_has_leads_permission: true, user_has_leads_permission: false })
  t.match(await check(context), [{ code: 'leads_withheld', text: /Leads Access Manager.*People/ }])
  meta.leadAds.leadAccess({ ...access, enabled_lead_access_manager: false })
  t.match(await check(context), [{ code: 'leads_withheld', text: /ADVERTISE/ }])
})

t.test('rules can look at questions and check boxes of the forms', async (t) => {
  const { meta, context } = await openPage(t)
  meta.leadAds.addForm({
    page: PAGE,
    questions: [{ key: 'which_trip', label: 'Which trip?' }],
    checkboxes: [{ key: 'newsletter', text: 'Send me news' }],
  })
  const fields = await listFields(context)
  t.match(
    fields.filter(({ name }) => name === 'which_trip' || name === 'newsletter'),
    [{ label: 'Which trip?' }, { label: /Send me news/ }],
  )
  t.ok(fields.some(({ name }) => name === 'form_id'))
})

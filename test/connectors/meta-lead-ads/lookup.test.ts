import t from 'tap'
import { lookup } from '../../../connectors/meta-lead-ads/lookup.ts'
import { ad, FORM, openPage, PAGE } from './page.ts'

const wanted = (...ids: string[]) => ids.map((id) => ({ ref: { type: 'lead', id }, history: false }))
const answers = { email: 'ana@example.com', phone_number: '+4915112345678', full_name: 'Ana Almond' }

t.test('a lead is shown with its person, where it comes from, and what rules look at', async (t) => {
  const { meta, context } = await openPage(t, { ruleFields: ['newsletter', 'terms', 'which_trip', 'form_id', 'no_such'] })
  const at = Date.parse('2026-11-20T08:49:14Z')
  const { id } = meta.leadAds.submit({
    ...{ form: FORM, at, ad, platform: 'ig', consents: { newsletter: true, terms: false } },
    answers: { ...answers, which_trip: ['long', 'short'] },
  })
  t.same(await lookup(context, wanted(id)), [
    {
      ref: { type: 'lead', id },
      found: true,
      createdAt: at,
      identity: { metaLeadId: id, emails: ['ana@example.com'], phones: ['+4915112345678'], firstName: 'Ana', lastName: 'Almond' },
      stages: [],
      fields: { newsletter: '1', terms: '', which_trip: 'long; short', form_id: FORM, no_such: null },
      metaLead: {
        ...{ generatedAt: at, isTest: false, formId: FORM, formName: 'Ask for an offer', platform: 'ig', organic: false },
        ...{ adId: ad.ad_id, adName: ad.ad_name, adsetId: ad.adset_id, adsetName: ad.adset_name },
        ...{ campaignId: ad.campaign_id, campaignName: ad.campaign_name },
      },
    },
  ])
  t.equal(meta.leadAds.tokensInUrls(), 0)
})

t.test('many leads are read in few requests, whatever order they are asked in', async (t) => {
  const { meta, context } = await openPage(t)
  const ids = Array.from({ length: 120 }, () => meta.leadAds.submit({ form: FORM, ad, answers }).id).reverse()
  const shown = await lookup(context, wanted(...ids))
  t.same(
    shown.map(({ ref, found, metaLead }) => [ref.id, found, metaLead?.isTest]),
    ids.map((id) => [id, true, false]),
  )
  t.equal(meta.leadAds.graphReads().length, 4, 'three for the leads, one for the name of their form')
})

t.test('only the list of test leads makes a lead a test', async (t) => {
  const { meta, context } = await openPage(t)
  const organic = meta.leadAds.submit({ form: FORM, answers })
  const test = meta.leadAds.submit({ form: FORM, answers, test: true })
  const shown = await lookup(context, wanted(organic.id, test.id))
  t.match(shown, [
    { found: true, metaLead: { isTest: false, organic: true } },
    { found: true, metaLead: { isTest: true } },
  ])
})

t.test('one lead that is gone costs the others nothing', async (t) => {
  const { meta, context } = await openPage(t)
  const ids = [1, 2, 3].map(() => meta.leadAds.submit({ form: FORM, ad, answers }).id)
  meta.leadAds.removeLead({ id: ids[1] as string })
  t.match(await lookup(context, wanted(...ids)), [{ found: true }, { found: false, metaLead: undefined }, { found: true }])
  t.match(await lookup(context, [{ ref: { type: 'contact', id: ids[0] as string }, history: false }]), [{ found: false }])
})

t.test('a lead outlives its form', async (t) => {
  const { meta, context } = await openPage(t)
  const { id } = meta.leadAds.submit({ form: FORM, answers })
  meta.misbehave({ how: 'answer', path: '/test_leads', status: 400, json: { error: { code: 100, error_subcode: 33 } } })
  t.match(await lookup(context, wanted(id)), [{ found: true, metaLead: { isTest: false } }])
})

t.test('leads that are withheld are not gone', async (t) => {
  const { meta, context } = await openPage(t)
  const { id } = meta.leadAds.submit({ form: FORM, ad, answers })
  meta.leadAds.leadAccess({ page: PAGE, can_access_lead: false, app_has_leads_permission: false, enabled_lead_access_manager: true })
  await t.rejects(lookup(context, wanted(id)), {
    code: 'leads_withheld',
    retry: 'never',
    scope: 'connection',
    userText: /Leads Access Manager/,
  })
  meta.leadAds.leadAccess({ page: PAGE, can_access_lead: true })
  meta.leadAds.permit({ permission: 'leads_retrieval', on: false })
  await t.rejects(lookup(context, wanted(id)), { code: 'missing_permission', retry: 'never', scope: 'connection' })
})

t.test('without the permission for ads a lead comes without its ad', async (t) => {
  const { meta, context } = await openPage(t, { scopes: ['leads_retrieval'] })
  meta.leadAds.permit({ permission: 'ads_management', on: false })
  const { id } = meta.leadAds.submit({ form: FORM, ad, answers })
  const [lead] = await lookup(context, wanted(id))
  t.match(lead, { found: true, metaLead: { formName: 'Ask for an offer', adId: undefined, campaignName: undefined, organic: false } })
})

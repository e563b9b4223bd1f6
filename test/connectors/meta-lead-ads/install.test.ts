import t from 'tap'
import { install } from '../../../connectors/meta-lead-ads/install.ts'
import { permissions } from '../../../connectors/meta-lead-ads/permissions.ts'
import type { Meta } from '../../simulators/meta/start-meta.ts'
import { http } from '../bare-client.ts'
import { openPage, PAGE, REDIRECT } from './page.ts'

const now = Date.now()
const OTHER = '106000000000002'
const all = permissions.map(({ name }) => name)

/** What a person does on Meta's page. Returns the code that comes back. */
async function consent(url: string, choice: Record<string, string | readonly string[]>): Promise<URLSearchParams> {
  const page = await (await fetch(url)).text()
  t.match(page, /Acme Travel/)
  const body = new URLSearchParams(
    Object.entries(choice).flatMap(([name, values]) => [values].flat().map((value) => [name, value] as [string, string])),
  )
  const answer = await fetch(url, { method: 'POST', body, redirect: 'manual' })
  return new URL(answer.headers.get('location') ?? '').searchParams
}
const secretsInUrls = ({ leadAds }: Meta) => leadAds.tokensInUrls()

t.test('one consent opens all the pages that were chosen, with tokens that last', async (t) => {
  const { meta, app } = await openPage(t)
  meta.leadAds.addPage({ id: OTHER, name: 'Acme Cruises' })
  meta.leadAds.addPage({ id: '106000000000003', name: 'Not mine', tasks: ['ANALYZE'] })
  const url = install.consentUrl(app, { redirectUri: REDIRECT, state: 'state-1', challenge: '' })
  const back = await consent(url, { decision: 'allow', page: [PAGE, OTHER, '106000000000003'], scope: all })
  t.equal(back.get('state'), 'state-1')
  const answer = { code: back.get('code') ?? '', redirectUri: REDIRECT }
  const { others = [], ...first } = await install.exchange(app, answer, http, now)
  t.same([first, ...others].map(({ account }) => account).sort(), [PAGE, OTHER], 'not the one for which the person may not advertise')
  for (const grant of [first, ...others]) {
    t.same(grant.scopes.toSorted(), all.toSorted())
    t.ok(grant.expiresAt > now + 365 * 86_400_000)
    t.match(await install.refresh(app, grant, http, now), { account: grant.account, accessToken: grant.accessToken })
  }
  t.equal(secretsInUrls(meta), 0)
  await t.rejects(install.exchange(app, answer, http, now), { code: 'code_spent', retry: 'never' })
})

t.test('permissions that were not given are not taken for given', async (t) => {
  const { app } = await openPage(t)
  const url = install.consentUrl(app, { redirectUri: REDIRECT, state: 's', challenge: '' })
  const back = await consent(url, { decision: 'allow', page: PAGE, scope: all.filter((name) => name !== 'ads_management') })
  const grant = await install.exchange(app, { code: back.get('code') ?? '', redirectUri: REDIRECT }, http, now)
  t.notOk(grant.scopes.includes('ads_management'))
})

t.test('a consent without a page that can be used says why', async (t) => {
  const { meta, app } = await openPage(t)
  meta.leadAds.addPage({ id: OTHER, name: 'Not mine', tasks: ['ANALYZE'] })
  const url = install.consentUrl(app, { redirectUri: REDIRECT, state: 's', challenge: '' })
  for (const [page, text] of [
    [[], /No page was chosen/],
    [[OTHER], /may not advertise for Not mine/],
  ] as const) {
    const back = await consent(url, { decision: 'allow', page, scope: all })
    await t.rejects(install.exchange(app, { code: back.get('code') ?? '', redirectUri: REDIRECT }, http, now), {
      code: 'no_page',
      userText: text,
    })
  }
  t.equal((await consent(url, { decision: 'deny' })).get('error'), 'access_denied')
})

t.test('the token of a page is good or it is not', async (t) => {
  const { meta, app, token } = await openPage(t)
  t.match(await install.refresh(app, { refreshToken: token }, http, now), { account: PAGE, accessToken: token, refreshToken: token })
  meta.leadAds.breakPage({ page: PAGE, subcode: 460 })
  await t.rejects(install.refresh(app, { refreshToken: token }, http, now), { code: 'grant_revoked', retry: 'never' })
  await t.rejects(install.refresh(app, { refreshToken: 'EAAnothing' }, http, now), { code: 'grant_revoked' })
  await t.rejects(install.refresh({ ...app, clientSecrets: ['wrong'] }, { refreshToken: token }, http, now), {
    code: 'app_misconfigured',
    retry: 'later',
  })
  meta.misbehave({ how: 'answer', status: 502, text: '<html>', times: 1 })
  await t.rejects(install.refresh(app, { refreshToken: token }, http, now), { code: 'token_endpoint_unavailable', retry: 'later' })
})

t.test('plain login names permissions, Login for Business a configuration', async (t) => {
  const { app } = await openPage(t)
  const request = { redirectUri: REDIRECT, state: 's', challenge: '' }
  t.same(new URL(install.consentUrl(app, request)).searchParams.get('scope')?.split(',').sort(), all.toSorted())
  const byConfig = new URL(install.consentUrl({ ...app, loginConfig: '778899', signInUrl: 'https://www.facebook.com/v25.0' }, request))
  t.equal(byConfig.origin + byConfig.pathname, 'https://www.facebook.com/v25.0/dialog/oauth')
  t.same([byConfig.searchParams.get('config_id'), byConfig.searchParams.get('scope')], ['778899', null])
})

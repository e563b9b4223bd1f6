import { createHmac } from 'node:crypto'
import t from 'tap'
import { startMeta } from './start-meta.ts'

const app = { id: '1234567890', secret: 'app-secret', configurations: {}, redirectUris: ['https://app.example/back'], extension: true }
const extras = {
  setup: { external_business_id: 'ours-1', timezone: 'UTC', currency: 'USD', business_vertical: 'SERVICES', channel: 'CONVERSIONS_API' },
  business_config: { business: { name: 'Acme' } },
  repeat: false,
}
const asked = {
  ...{ client_id: app.id, redirect_uri: 'https://app.example/back', response_type: 'code', scope: 'manage_business_extension', state: 's' },
  extras: JSON.stringify(extras),
}

t.test('the dialog opens only for what Meta documents', async (t) => {
  const meta = await startMeta({ app, datasets: [{ id: '700000000000001', tokens: [] }] })
  t.teardown(() => meta.close())
  const open = async (changed: Record<string, string>) =>
    (await fetch(`${meta.url}/v26.0/dialog/oauth?${new URLSearchParams({ ...asked, ...changed })}`)).status
  t.equal(await open({}), 200)
  const { timezone: _none, ...incomplete } = extras.setup
  const wrong: Record<string, string>[] = [
    { client_id: '1' },
    { redirect_uri: 'https://elsewhere.example' },
    { scope: 'ads_management' },
    { response_type: 'token' },
    { extras: 'no json' },
    { extras: JSON.stringify({ ...extras, setup: incomplete }) },
    { extras: JSON.stringify({ ...extras, business_config: {} }) },
    { extras: JSON.stringify({ ...extras, repeat: true }) },
  ]
  for (const changed of wrong) t.equal(await open(changed), 400, JSON.stringify(changed).slice(0, 60))

  const ordinary = await startMeta({ app: { ...app, extension: false } })
  t.teardown(() => ordinary.close())
  t.equal((await fetch(`${ordinary.url}/v26.0/dialog/oauth?${new URLSearchParams(asked)}`)).status, 400, 'an app that is not on the list')
})

t.test('an install is shown to those who made it, with the proof of the app', async (t) => {
  const meta = await startMeta({ app: { ...app, tokens: ['EAAoursystemuser'] }, datasets: [{ id: '700000000000001', tokens: [] }] })
  t.teardown(() => meta.close())
  const dialog = `${meta.url}/v26.0/dialog/oauth?${new URLSearchParams(asked)}`
  const body = new URLSearchParams({ decision: 'allow', dataset: '700000000000001' })
  const { headers } = await fetch(dialog, { method: 'POST', body, redirect: 'manual' })
  const code = new URL(headers.get('location') ?? '').searchParams.get('code') ?? ''
  const exchange = new URLSearchParams({ client_id: app.id, client_secret: app.secret, redirect_uri: asked.redirect_uri, code })
  const traded = await fetch(`${meta.url}/v26.0/oauth/access_token`, { method: 'POST', body: exchange })
  const { access_token: token } = (await traded.json()) as { access_token: string }
  const look = async (by: string, proof: string | undefined = createHmac('sha256', app.secret).update(by).digest('hex')) => {
    const query = new URLSearchParams({ fbe_external_business_id: 'ours-1', access_token: by, ...(proof && { appsecret_proof: proof }) })
    const answer = await fetch(`${meta.url}/v26.0/fbe_business/fbe_installs?${query}`)
    return { status: answer.status, body: await answer.json() }
  }
  t.match(await look(token), { status: 200, body: { data: [{ pixel_id: '700000000000001', business_manager_id: /^\d+$/ }] } })
  t.match(await look(token, ''), { status: 400 }, 'without the proof')
  t.match(await look('EAAoursystemuser'), { status: 200, body: { data: [] } }, 'a token that has no part in it')
  t.match(await look('EAAofnobody', ''), { status: 401, body: { error: { code: 190 } } })
})

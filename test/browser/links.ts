/** Links of a running server, and a Chromium to follow them. */
import type { Browser } from 'playwright-core'
import type { Test } from 'tap'
import { invite, type NewInvite } from '../../server/settings/invite.ts'
import { type TestApp, type TestAppOptions, testApp } from '../support/app.ts'
import { openChromium } from '../support/chromium.ts'
import { salesforceEnv } from '../support/salesforce.ts'
import { type ServerProcess, serverProcess } from '../support/server-process.ts'

export interface Links {
  it: TestApp
  browser: Browser
  server: ServerProcess
  /** A new link. */
  link(what: NewInvite['what']): Promise<string>
  /** The accounts that are connected, by their keys. */
  accounts(): Promise<string[]>
}

/** @param env more of the server's environment, given where the stand-ins are */
export async function openLinks(
  t: Test,
  options: TestAppOptions = {},
  env: (it: TestApp) => Record<string, string> = () => ({}),
): Promise<Links> {
  const it = await testApp(t, { ...options, launch: false })
  const server = await serverProcess(t, it, (url) => ({
    PUBLIC_URL: url,
    // A busy machine may take its time to answer.
    META_TIMEOUT_MS: '10000',
    ...(options.salesforce && salesforceEnv(it.salesforce)),
    ...env(it),
  }))
  it.hubspot.app.redirectUris.push(`${server.url}/oauth/hubspot/callback`)
  if (options.salesforce) it.salesforce.app.redirectUris.push(`${server.url}/oauth/salesforce/callback`)
  options.meta?.app?.redirectUris.push(`${server.url}/oauth/meta/callback`)
  await server.start()
  const browser = await openChromium(t)
  const apps = { ...it.config.crm }
  return {
    ...{ it, browser, server },
    async link(what) {
      const wanted = { workspace: it.workspaceId, what, hours: 1 }
      return (await invite({ db: it.db, actor: 'test' }, wanted, { apps, publicUrl: server.url })).url
    },
    accounts: async () =>
      (await it.db.selectFrom('connection').select('account_key').orderBy('id').execute()).map((row) => row.account_key),
  }
}

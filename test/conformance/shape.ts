/** The contract's form: a complete manifest, functions that fit what it declares, and coded errors only. */
import type { Test } from 'tap'
import type { ConnectionContext, CrmReply } from '../../connectors/connector.ts'
import { CodedError } from '../../connectors/errors.ts'
import { connectors } from '../../connectors/registry.ts'
import { stageMapping } from '../../mappings/stage-mapping.ts'
import type { Fixtures } from './fixtures.ts'
import { garbage } from './hostile.ts'

const NINETY_DAYS = 90 * 86_400_000

export function testShape(t: Test, { connector, recordType, ids }: Fixtures): void {
  const { manifest } = connector

  t.test('the manifest is complete and true', async (t) => {
    t.equal(connectors[manifest.id], connector, 'the registry knows it by its id')
    t.match(manifest.id, /^[a-z][a-z0-9-]*$/)
    t.match(manifest.displayName, /\S/)
    t.match(manifest.leadEventSource, /\S/)
    for (const way of manifest.arrival) t.ok(connector[way], `${way} is declared and understood`)
    const usual = connector.arrival?.(manifest.settings.parse({})) ?? manifest.arrival[0]
    t.ok(usual !== undefined && manifest.arrival.includes(usual), `without settings changes arrive by ${usual}`)
    if (manifest.arrival.includes('poll')) t.ok((manifest.pollMs ?? 0) >= 1_000, 'and is asked at an interval')
    t.equal(manifest.history.quality !== 'none', connector.history !== undefined, `history is declared as ${manifest.history.quality}`)
    t.ok(manifest.history.clockToleranceMs >= 0 && manifest.history.clockToleranceMs <= 60_000)
    for (const [bucket, { count, perMs, concurrent }] of Object.entries(manifest.limits))
      t.ok(count > 0 && perMs > 0 && concurrent > 0, `the limit of ${bucket}`)
    if (manifest.api === undefined) {
      t.notOk(connector.install ?? connector.lookup ?? connector.history, 'a CRM that is never asked has nothing that asks')
    } else {
      t.ok(Date.parse(manifest.api.sunset) - Date.now() > NINETY_DAYS, `version ${manifest.api.version} lives for ninety days more`)
      t.match(manifest.api.baseUrl, /^https:\/\/[^/]+/)
    }
  })

  t.test('settings have defaults, and refuse what they do not know', async (t) => {
    t.ok(manifest.settings.safeParse({}).success)
    t.notOk(manifest.settings.safeParse({ 'no such setting': 1 }).success)
    t.match(connector.leadEventSource?.(manifest.settings.parse({})) ?? manifest.leadEventSource, manifest.leadEventSource)
  })

  t.test('a page inside the CRM is shown there only, and to nobody whom the CRM does not name', async (t) => {
    const { page } = connector
    if (page === undefined) return t.pass('it has none')
    t.ok(page.opening ?? page.requests, 'there is a way to it')
    const app = { appId: '1', clientId: '1', clientSecrets: ['secret', ''], baseUrl: 'https://crm.example' }
    for (const origin of page.opening?.frameAncestors ?? []) t.match(origin, /^https:\/\/(\*\.)?[a-z0-9-]+(\.[a-z0-9-]+)+$/)
    for (const text of [...garbage, ...garbage.map((text) => `signed_request=${encodeURIComponent(text)}`)]) {
      const body = Buffer.from(text)
      const refused = { ok: false, status: Number, code: String, text: String }
      if (page.opening) t.match(page.opening.verify(body, app), refused)
      const request = {
        method: 'GET',
        target: `/api/overview?x=${encodeURIComponent(text)}`,
        publicUrl: 'https://us.example',
        headers: {},
        body,
      }
      t.not(page.requests?.verify({ ...request, receivedAt: Date.now() }, app)?.ok, true)
    }
  })

  t.test('who signs in is sent to the CRM and known again; nobody is taken for an admin whom the CRM does not know', async (t) => {
    const { page } = connector
    if (page === undefined) return t.pass('it has no page')
    const app = { appId: '1', clientId: '1', clientSecrets: ['secret'], baseUrl: 'https://crm.example' }
    const redirectUri = 'https://us.example/oauth/crm/callback'
    const url = new URL(page.signIn.consentUrl(app, { redirectUri, state: 'state', challenge: 'challenge' }))
    const asked = { state: 'state', redirect_uri: redirectUri, code_challenge: 'challenge', code_challenge_method: 'S256', client_id: '1' }
    t.match(Object.fromEntries(url.searchParams), asked)
    const http = async (): Promise<never> => t.fail('nobody is asked') as never
    await t.rejects(page.isAdmin({ account: '1', userId: '1' }, { app, http }), {
      code: /^(admin_unknown|visitor_gone)$/,
      userText: String,
    })
  })

  t.test('the proposed mapping can be saved', async (t) => {
    const group = { recordType: 'x', source: 'y', label: 'z', stages: [] }
    const stages = [...'ab'].map((id, order) => ({ id, label: id, order, kind: 'lost' as const, archived: false }))
    for (const groups of [[], [group], [{ ...group, stages }]]) {
      const parsed = stageMapping.safeParse({ stages: connector.defaultMapping(groups) })
      t.ok(parsed.success)
      t.ok(
        parsed.data?.stages.every(({ negative, eventName }) => !negative || eventName === null),
        'negative stages are off',
      )
    }
    t.equal(typeof connector.needsPipeline('no such source'), 'boolean')
  })

  t.test('whatever the CRM answers, only coded errors are thrown', async (t) => {
    for (const status of [0, 100, 200, 301, 400, 401, 403, 404, 409, 413, 422, 423, 429, 477, 500, 502, 503, 504, 599])
      for (const text of [
        '',
        'null',
        '[]',
        '{"status":7,"message":[],"category":{}}',
        '<html>',
        '{"status":"error","message":"x","errors":"y"}',
      ])
        t.ok(connector.classify({ status, headers: {}, text }, { method: 'GET', url: '/' }) instanceof CodedError, `${status} ${text}`)

    const bodies: unknown[] = [undefined, null, 7, 'text', [], {}, { results: null }, { results: 'x' }, { results: [null, 7, {}] }]
    const refusal = new CodedError({ code: 'refused', retry: 'never', scope: 'event', userText: 'Refused.' })
    const clients = [...bodies.map((body) => async (): Promise<CrmReply> => ({ status: 200, body })), () => Promise.reject(refusal)]
    const ref = { type: recordType, id: ids[0] }
    const now = Date.now()
    for (const [index, request] of clients.entries()) {
      const context: ConnectionContext = {
        client: { request },
        account: '1',
        scopes: [],
        settings: manifest.settings.parse({}),
        ruleFields: ['consent'],
      }
      const calls = {
        lookup: () =>
          connector.lookup?.(context, [
            { ref, history: true },
            { ref: { type: 'no such type', id: '2' }, history: false },
          ]),
        history: () => connector.history?.(context, { from: now - 3_600_000, to: now }, undefined),
        poll: async () => {
          const first = await connector.poll?.(context, undefined, now)
          await connector.poll?.(context, first?.position, now)
          await connector.poll?.(context, 'of another release', now)
        },
        listStages: () => connector.listStages(context),
        listFields: () => connector.listFields(context),
        check: () => connector.check(context),
        leadIds: async () => {
          await connector.leadIds?.(context, undefined)
          await connector.leadIds?.(context, 'of another release')
        },
        createLeadIdField: () => connector.createLeadIdField?.(context),
        writeLeadId: () => connector.writeLeadId?.(context, ref, '123456789012345'),
      }
      for (const [name, call] of Object.entries(calls)) {
        const error = await Promise.resolve(call()).then(
          () => undefined,
          (thrown: unknown) => thrown,
        )
        t.ok(
          error === undefined || error instanceof CodedError,
          `${name}, answer ${index}: ${error instanceof Error ? error.stack : error}`,
        )
      }
    }
  })
}

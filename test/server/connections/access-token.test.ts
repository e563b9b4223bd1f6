import { sql } from 'kysely'
import t from 'tap'
import type { HttpPort } from '../../../connectors/connector.ts'
import { storeGrant } from '../../../server/connections/grants.ts'
import { findIdleGrants } from '../../../server/connections/renew-idle.ts'
import { PORTAL, setUp } from './set-up.ts'

t.test('a living token is used as it is', async (t) => {
  const { newAccessToken, grant, passMinutes, crm } = await setUp(t)
  const accessToken = newAccessToken()
  t.equal((await accessToken.current()).token, grant.accessToken)
  passMinutes(24)
  t.equal((await accessToken.current()).token, grant.accessToken)
  t.equal(crm.tokenCounts().refreshes, 0)
})

t.test('five minutes before its end a token is renewed and stored', async (t) => {
  const { newAccessToken, grant, passMinutes, crm, storedGrant, now } = await setUp(t)
  const accessToken = newAccessToken()
  passMinutes(25.1)
  const token = (await accessToken.current()).token
  t.not(token, grant.accessToken)
  const stored = await storedGrant()
  t.match(stored, { accessToken: token, refreshToken: grant.refreshToken, account: String(PORTAL) })
  t.ok(stored.expiresAt - now() > 29 * 60_000 && stored.grantedAt <= now())
  t.equal((await accessToken.current()).token, token)
  t.equal((await newAccessToken().current()).token, token, 'another process uses the stored one')
  t.equal(crm.tokenCounts().refreshes, 1)
})

t.test('a token of short life is renewed at its half', async (t) => {
  const { newAccessToken, db, vault, connectionId, grant, now, passMinutes } = await setUp(t)
  await storeGrant(db, vault, connectionId, { ...grant, grantedAt: now(), expiresAt: now() + 6 * 60_000 })
  const accessToken = newAccessToken()
  passMinutes(2.9)
  t.equal((await accessToken.current()).token, grant.accessToken)
  passMinutes(0.2)
  t.not((await accessToken.current()).token, grant.accessToken)
})

t.test('many callers of several processes renew once', async (t) => {
  const { newAccessToken, passMinutes, crm } = await setUp(t)
  crm.rotateRefreshTokens({ on: true })
  crm.misbehave({ how: 'slow', path: '/oauth/', delayMs: 100 })
  passMinutes(31)
  const processes = [newAccessToken(), newAccessToken(), newAccessToken()]
  const tokens = await Promise.all(Array.from({ length: 21 }, (_, index) => processes[index % 3]?.current()))
  t.equal(new Set(tokens.map((access) => access?.token)).size, 1)
  t.match(crm.tokenCounts(), { refreshes: 1, refused: 0 })
})

t.test('a new token is stored before it is handed out, so that a refresh token given once is never lost', async (t) => {
  const { newAccessToken, http, passMinutes, crm, storedGrant } = await setUp(t)
  crm.rotateRefreshTokens({ on: true })
  const answers: string[] = []
  const listening: HttpPort = async (request) => {
    const reply = await http(request)
    answers.push(JSON.parse(reply.text).refresh_token)
    return reply
  }
  const accessToken = newAccessToken(listening)
  for (let round = 1; round <= 3; round++) {
    passMinutes(31)
    const token = (await accessToken.current()).token
    t.match(await storedGrant(), { accessToken: token, refreshToken: answers.at(-1) })
  }
  t.equal(new Set(answers).size, 3)
})

t.test('a grant that could not be stored is stored later, not asked for again', async (t) => {
  const { newAccessToken, http, passMinutes, crm, db, storedGrant } = await setUp(t)
  crm.rotateRefreshTokens({ on: true })
  const accessToken = newAccessToken(async (request) => {
    const reply = await http(request)
    await sql`alter table secret rename to secret_away`.execute(db)
    return reply
  })
  passMinutes(31)
  await t.rejects(accessToken.current(), /secret/)
  await sql`alter table secret_away rename to secret`.execute(db)
  const token = (await accessToken.current()).token
  t.match(await storedGrant(), { accessToken: token })
  t.match(crm.tokenCounts(), { refreshes: 1, refused: 0 })
})

t.test('once the database is back it is stored at once', async (t) => {
  const { newAccessToken, http, passMinutes, crm, db, storedGrant } = await setUp(t)
  await sql`create function away() returns trigger language plpgsql as $$ begin raise exception 'gone' using errcode = '57P01'; end $$`.execute(
    db,
  )
  const accessToken = newAccessToken(async (request) => {
    const reply = await http(request)
    await sql`create trigger away before insert or update on secret for each row execute function away()`.execute(db)
    return reply
  })
  passMinutes(31)
  await t.rejects(accessToken.current(), { code: 'database_unavailable' })
  await sql`drop trigger away on secret`.execute(db)
  const token = (await accessToken.current()).token
  t.match(await storedGrant(), { accessToken: token })
  t.match(crm.tokenCounts(), { refreshes: 1, refused: 0 })
})

t.test('a refused token is replaced once, not again and again', async (t) => {
  const { newAccessToken, grant, crm, passMinutes } = await setUp(t)
  const accessToken = newAccessToken()
  const instead = async (refused: string) => (await accessToken.instead(refused))?.token
  const tokens = await Promise.all(Array.from({ length: 10 }, () => instead(grant.accessToken)))
  t.equal(new Set(tokens).size, 1)
  t.not(tokens[0], grant.accessToken)
  t.equal(await instead(grant.accessToken), tokens[0], 'who comes late gets the new one')
  t.equal(await instead(tokens[0] as string), undefined, 'a second one is not tried at once')
  t.equal(crm.tokenCounts().refreshes, 1)
  passMinutes(1)
  t.ok(await instead(tokens[0] as string))
  t.equal(crm.tokenCounts().refreshes, 2)
})

t.test('a withdrawn permission asks the customer to connect again, once', async (t) => {
  const { newAccessToken, connection, notices, passMinutes, crm, connectionId, workspaceId } = await setUp(t)
  crm.revokeGrant({})
  passMinutes(31)
  const accessToken = newAccessToken()
  await t.rejects(accessToken.current(), { code: 'grant_revoked', retry: 'never', scope: 'connection' })
  t.match(await connection(), { state: 'attention', state_reason: 'reconnect' })
  await t.rejects(accessToken.current(), { code: 'grant_revoked', retry: 'never' })
  await t.rejects(newAccessToken().current(), { code: 'grant_revoked', retry: 'never' })
  t.equal(crm.tokenCounts().refused, 1, 'HubSpot is not asked again')
  const open = await notices()
  t.equal(open.length, 1)
  t.match(open, [{ workspace_id: workspaceId, subject: `connection:${connectionId}`, code: 'reconnect', closed_at: null }])
})

t.test('connecting again settles it', async (t) => {
  const { newAccessToken, connection, notices, passMinutes, crm, grant, db, vault, connectionId, now } = await setUp(t)
  crm.revokeGrant({})
  passMinutes(31)
  const accessToken = newAccessToken()
  await t.rejects(accessToken.current(), { code: 'grant_revoked' })
  const { refreshToken } = crm.install({})
  const fresh = crm.accessToken({ refreshToken }).accessToken
  await storeGrant(db, vault, connectionId, {
    ...grant,
    accessToken: fresh,
    refreshToken,
    grantedAt: now(),
    expiresAt: now() + 30 * 60_000,
  })
  t.equal((await accessToken.current()).token, fresh)
  t.match(await connection(), { state: 'setup', state_reason: null })
  t.match(await notices(), [{ closed_at: Date }])
})

t.test('a refusal that comes after the customer connected again changes nothing', async (t) => {
  const { newAccessToken, http, connection, passMinutes, crm, grant, db, vault, connectionId, now } = await setUp(t)
  crm.revokeGrant({})
  passMinutes(31)
  const { refreshToken } = crm.install({})
  const fresh = crm.accessToken({ refreshToken }).accessToken
  const accessToken = newAccessToken(async (request) => {
    const reply = await http(request)
    await storeGrant(db, vault, connectionId, {
      ...grant,
      accessToken: fresh,
      refreshToken,
      grantedAt: now(),
      expiresAt: now() + 30 * 60_000,
    })
    return reply
  })
  t.equal((await accessToken.current()).token, fresh)
  t.match(await connection(), { state: 'setup' })
})

t.test('wrong credentials of our app leave the customer alone and tell the operator', async (t) => {
  const { newAccessToken, connection, notices, passMinutes, crm, grant, lines } = await setUp(t)
  crm.setClientSecret({ clientSecret: 'another' })
  const accessToken = newAccessToken()
  passMinutes(26)
  t.equal((await accessToken.current()).token, grant.accessToken, 'the old token works still')
  passMinutes(5)
  await t.rejects(accessToken.current(), { code: 'app_misconfigured' })
  t.match(await connection(), { state: 'setup', state_reason: null })
  t.same(await notices(), [])
  t.ok(lines.some((line) => line.includes('"level":"error"') && line.includes('app_misconfigured')))
})

t.test('while HubSpot cannot renew, the old token is used, and HubSpot is given rest', async (t) => {
  const { newAccessToken, connection, passMinutes, crm, grant } = await setUp(t)
  const accessToken = newAccessToken()
  crm.fail({ status: 500, path: '/oauth/', times: 0 })
  passMinutes(26)
  for (let i = 0; i < 5; i++) t.equal((await accessToken.current()).token, grant.accessToken)
  t.equal(crm.requests().filter(({ path }) => path.startsWith('/oauth/')).length, 1, 'it is asked once, not five times')
  crm.behave()
  t.equal((await accessToken.current()).token, grant.accessToken, 'it is not asked again at once')
  t.equal(crm.tokenCounts().refreshes, 0)
  passMinutes(1)
  t.not((await accessToken.current()).token, grant.accessToken)
  t.match(await connection(), { state: 'setup' })
})

t.test('without a living token a passing failure says when to come back', async (t) => {
  const { newAccessToken, passMinutes, crm } = await setUp(t)
  const accessToken = newAccessToken()
  passMinutes(31)
  crm.fail({ status: 500, path: '/oauth/' })
  await t.rejects(accessToken.current(), { code: 'token_endpoint_unavailable', retry: 'later' })
  const error = await accessToken.current().then(
    () => t.fail('it rests'),
    (error) => error,
  )
  t.equal(error.code, 'token_endpoint_unavailable')
  t.ok(error.retry.afterMs > 0 && error.retry.afterMs <= 10_000)
  passMinutes(1)
  t.type((await accessToken.current()).token, 'string')
})

t.test('a connection without a grant is not connected', async (t) => {
  const { newAccessToken, db } = await setUp(t)
  await db.deleteFrom('secret').execute()
  await t.rejects(newAccessToken().current(), { code: 'not_connected', retry: 'never' })
})

t.test('a grant for another account is refused', async (t) => {
  const { newAccessToken, grant, passMinutes, crm, db, vault, connectionId, storedGrant } = await setUp(t)
  const other = crm.addPortal({ portalId: 2002 })
  await storeGrant(db, vault, connectionId, { ...grant, refreshToken: other.refreshToken })
  passMinutes(31)
  await t.rejects(newAccessToken().current(), { code: 'wrong_account' })
  t.match(await storedGrant(), { accessToken: grant.accessToken })
})

t.test('a token comes with the origin it is for: the account’s own, where it has one', async (t) => {
  const { newAccessToken, app, db, vault, connectionId, grant } = await setUp(t)
  t.equal((await newAccessToken().current()).apiUrl, app.baseUrl)
  await storeGrant(db, vault, connectionId, { ...grant, apiUrl: 'https://acme.example.com' })
  t.equal((await newAccessToken().current()).apiUrl, 'https://acme.example.com')
})

t.test('a grant that nobody used for days is renewed, once by all processes', async (t) => {
  const { newAccessToken, passMinutes, crm, storedGrant, grant, now, db, vault, connectionId } = await setUp(t)
  const days = 24 * 60
  await storeGrant(db, vault, connectionId, { ...grant, expiresAt: now() + 90 * days * 60_000 })
  const [one, two] = [newAccessToken(), newAccessToken()]
  await Promise.all([one.current(), two.current()])
  passMinutes(2 * days)
  await one.renew(3 * days * 60_000)
  t.equal(crm.tokenCounts().refreshes, 0, 'it is young enough')
  passMinutes(2 * days)
  await Promise.all([one.renew(3 * days * 60_000), two.renew(3 * days * 60_000)])
  t.equal(crm.tokenCounts().refreshes, 1)
  t.ok((await storedGrant()).grantedAt > grant.grantedAt)
})

t.test('idle grants are found: those of paused connections too, but none that is over', async (t) => {
  const { db, vault, connectionId, grant } = await setUp(t)
  t.strictSame(await findIdleGrants(db), [])
  await sql`update secret set changed_at = now() - interval '4 days'`.execute(db)
  t.strictSame(await findIdleGrants(db), [connectionId])
  await sql`update connection set state = 'paused'`.execute(db)
  t.strictSame(await findIdleGrants(db), [connectionId])
  await sql`update connection set state = 'attention', state_reason = 'reconnect'`.execute(db)
  t.strictSame(await findIdleGrants(db), [])
  await storeGrant(db, vault, connectionId, grant)
  t.strictSame(await findIdleGrants(db), [])
})

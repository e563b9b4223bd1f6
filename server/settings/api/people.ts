/** Who is told what: recipients of notices, the weekly digest, and links by which colleagues do their part. */
import { z } from 'zod'
import type { Caller } from '../caller.ts'
import { invite } from '../invite.ts'
import { setDigest, showDigest } from '../notices.ts'
import { addRecipient, listRecipients, removeRecipient, testRecipient } from '../recipients.ts'
import { answers, ok, requested, versioned } from './answers.ts'
import { lastChange, Outdated, orTold, versionOf } from './outdated.ts'
import type { ApiServer, ApiTools } from './tools.ts'
import { tenantOf } from './visitor.ts'

export const recipient = z
  .object({
    id: z.int(),
    kind: z.enum(['email', 'webhook']),
    address: z.string().meta({ description: 'of a webhook only its origin' }),
    digest: z.boolean(),
    createdAt: z.date(),
    lastSentAt: z.date().nullable(),
    problem: z.string().nullable().meta({ description: 'why the last message did not arrive' }),
  })
  .meta({ id: 'Recipient' })
const schedule = {
  enabled: z.boolean(),
  weekday: z.int().meta({ description: 'Monday is 1' }),
  hour: z.int().meta({ description: '0 to 23, in the time zone' }),
  timeZone: z.string().meta({ description: 'a name of the IANA time zone database' }),
}
export const digest = z.object({ version: z.string(), ...schedule }).meta({ id: 'Digest' })
/** Of one visitor, in a minute. */
const MOST_TESTS = 10
const params = z.object({ id: z.coerce.number().int().min(1).max(2_147_483_647) })

export function peopleRoutes(server: ApiServer, tools: ApiTools): void {
  const { db, vault, apps, publicUrl, mail } = tools
  const tags = ['people']

  server.get(
    '/recipients',
    { schema: { operationId: 'listRecipients', tags, summary: 'Who is told of notices', response: answers(z.array(recipient)) } },
    async (request) => {
      const { caller } = tenantOf(request, tools)
      return ok(await listRecipients(caller))
    },
  )

  server.post(
    '/recipients',
    {
      schema: {
        operationId: 'addRecipient',
        tags,
        summary: 'Adds an e-mail address, or the https URL of a webhook, whose secret is shown this once',
        body: requested.extend({
          to: z.union([z.object({ email: z.string().max(254) }), z.object({ url: z.string().max(2_000) })]),
          digest: z.boolean().default(true),
        }),
        response: answers(z.object({ id: z.int(), kind: z.enum(['email', 'webhook']), secret: z.string().optional() })),
      },
    },
    async (request) => {
      const { caller } = tenantOf(request, tools)
      const { to, digest } = request.body
      const added = addRecipient(caller, { workspace: caller.workspaceId, to, digest }, { vault })
      return ok(await orTold(added, 'recipient_exists', async (refusal) => new Outdated(await addedBy(caller, to), refusal)))
    },
  )

  async function addedBy(caller: Caller & { workspaceId: number }, to: { email: string } | { url: string }) {
    const address = 'email' in to ? to.email.trim().toLowerCase() : undefined
    const known = (await listRecipients(caller)).find((one) => one.address.toLowerCase() === address)
    return known && lastChange(db, caller.workspaceId, `recipient:${known.id}`, ['recipient.add'])
  }

  server.post(
    '/recipients/:id/remove',
    { schema: { operationId: 'removeRecipient', tags, summary: 'Takes one out', params, body: requested, response: answers(z.null()) } },
    async (request) => {
      const { caller } = tenantOf(request, tools)
      const { id } = request.params
      await orTold(removeRecipient(caller, id), 'recipient_unknown', async (refusal) => {
        const changed = await lastChange(db, caller.workspaceId, `recipient:${id}`, ['recipient.remove'])
        return new Outdated(changed, changed === undefined ? refusal : undefined)
      })
      return ok(null)
    },
  )

  server.post(
    '/recipients/:id/test',
    {
      // It goes out in our name, to any address that somebody has typed.
      config: { rateLimit: { max: MOST_TESTS } },
      schema: {
        operationId: 'testRecipient',
        tags,
        summary: 'Sends a test there now',
        params,
        body: requested,
        response: answers(z.object({ address: z.string() })),
      },
    },
    async (request) => {
      const { caller } = tenantOf(request, tools)
      const { address } = await testRecipient(caller, request.params.id, mail)
      return ok({ address })
    },
  )

  server.get(
    '/digest',
    { schema: { operationId: 'getDigest', tags, summary: 'When the weekly digest comes', response: answers(digest) } },
    async (request) => {
      const { caller } = tenantOf(request, tools)
      const current = await showDigest(caller, caller.workspaceId)
      return ok({ version: versionOf(current), ...current })
    },
  )

  server.put(
    '/digest',
    {
      schema: {
        operationId: 'saveDigest',
        tags,
        summary: 'Changes when it comes',
        body: versioned.extend(z.object(schedule).partial().shape),
        response: answers(digest),
      },
    },
    async (request) => {
      const { caller } = tenantOf(request, tools)
      const { version, requestId: _, ...wanted } = request.body
      const { workspaceId } = caller
      const saved = await setDigest(caller, workspaceId, wanted, async (current) => {
        if (versionOf(current) !== version)
          throw new Outdated(await lastChange(db, workspaceId, `workspace:${workspaceId}`, ['digest.set']))
      })
      return ok({ version: versionOf(saved), ...saved })
    },
  )

  server.post(
    '/invitations',
    {
      schema: {
        operationId: 'inviteColleague',
        tags,
        summary: 'A link that works once, for a colleague who connects the Meta dataset, or this CRM account again',
        body: requested.extend({ what: z.enum(['dataset', 'crm']), hours: z.int().min(1).max(336).default(72) }),
        response: answers(z.object({ url: z.url(), expiresAt: z.date() })),
      },
    },
    async (request) => {
      const { caller, connection } = tenantOf(request, tools)
      const { what, hours } = request.body
      const wanted =
        what === 'crm' ? { what: { connectionId: connection.id } } : { workspace: caller.workspaceId, what: 'dataset' as const }
      const { url, expiresAt } = await invite(caller, { ...wanted, hours }, { apps, publicUrl })
      return ok({ url, expiresAt })
    },
  )
}

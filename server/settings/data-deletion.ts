/** Meta's data-deletion callback, and the page on which a person sees what became of a request. */
import formbody from '@fastify/formbody'
import rateLimit from '@fastify/rate-limit'
import type { FastifyInstance } from 'fastify'
import type { Vault } from '../connections/vault.ts'
import type { Database } from '../database/pool.ts'
import { readSignedRequest } from '../meta/signed-request.ts'
import { carryOutDeletion, type DeletionRequest, findDeletion } from './deletion-requests.ts'
import { html } from './install/html.ts'
import { type Page, sendPage } from './install/page.ts'

export interface DataDeletionOptions {
  db: Database
  vault: Vault
  /** Of our app at Meta. */
  appSecret: string
  /** Origin under which people reach us. */
  publicUrl: string
}

const PATH = '/meta/data-deletion'
/** From one address, in a minute. Meta's are few, and people look by hand. */
const MOST_REQUESTS = 120

export async function dataDeletion(server: FastifyInstance, { db, vault, appSecret, publicUrl }: DataDeletionOptions): Promise<void> {
  await server.register(formbody, { bodyLimit: 16_384 })
  await server.register(rateLimit, { max: MOST_REQUESTS, timeWindow: '1 minute' })

  server.post(PATH, async (request, reply) => {
    const { signed_request: signed } = (request.body ?? {}) as Record<string, unknown>
    const read = typeof signed === 'string' ? readSignedRequest(signed, appSecret) : ({ ok: false, code: 'unreadable' } as const)
    if (!read.ok) {
      request.log.warn({ code: read.code }, 'a data-deletion request was refused')
      return reply.code(read.code === 'wrong_signature' ? 401 : 400).send({ error: read.code, message: refusals[read.code] })
    }
    const { code } = await carryOutDeletion(db, vault, signed as string, read.userId)
    return reply.send({ url: `${publicUrl}${PATH}/${code}`, confirmation_code: code })
  })

  server.get<{ Params: { code: string } }>(`${PATH}/:code`, async (request, reply) => {
    const found = await findDeletion(db, request.params.code)
    return sendPage(reply, found === undefined ? unknown : became(found))
  })
}

const refusals = {
  unreadable: 'The form has to hold a signed_request.',
  wrong_signature: 'The request is not signed with the secret of this app.',
  not_understood: 'The signed request does not say whose data is to be deleted.',
}

const unknown: Page = {
  status: 404,
  title: 'There is no such request',
  mood: 'bad',
  body: html`<p>No request for deletion has this code. Please check the address.</p>`,
}

/** Says what is true: signing in is not how people become leads. */
function became({ code, receivedAt, leads }: DeletionRequest): Page {
  const when = receivedAt.toISOString().slice(0, 16).replace('T', ' ')
  const outcome =
    leads > 0
      ? html`<p>The person under this id was known as a lead of ${leads === 1 ? 'one advertiser' : `${leads} advertisers`}. Contact
data and keys were deleted, what had not been sent will not be, and the person is kept from being taken up again.</p>`
      : html`<p>Nothing was held under this id. Facebook tells us the id of people who sign in to our app. We keep no such ids, and
people who filled in an advertiser's form do not sign in here: they are known by the id of their form entry, or by hashes of their
e-mail address and phone number.</p>
<p>If you filled in such a form, please ask the advertiser, who can have everything about you deleted here at once.</p>`
  return {
    status: 200,
    title: 'Your request was carried out',
    mood: 'good',
    body: html`<p>Received on ${when} UTC, and carried out at once.</p>${outcome}<p class="soft">Confirmation code: ${code}</p>`,
  }
}

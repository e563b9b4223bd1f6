/**
 * The settings API: one for the page inside each CRM, the web page on its own, and whatever else somebody writes against it.
 * Who asks is known by a signature of the CRM or by a bearer; each sees the account that they came from, and its workspace.
 */
import rateLimit from '@fastify/rate-limit'
import swagger, { type SwaggerTransformObject } from '@fastify/swagger'
import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { createJsonSchemaTransform, jsonSchemaTransformObject, serializerCompiler, validatorCompiler } from 'fastify-type-provider-zod'
import type { CodedError } from '../../../connectors/errors.ts'
import { accountRoutes } from './account.ts'
import { activityRoutes } from './activity.ts'
import { createAuthentication } from './authenticate.ts'
import { backfillRoutes } from './backfills.ts'
import { datasetAccessRoutes } from './dataset-access.ts'
import { answerFailure } from './failures.ts'
import { figureRoutes } from './figures.ts'
import { firstRunRoutes } from './first-run.ts'
import { importRoutes } from './import.ts'
import { leadRoutes } from './leads.ts'
import { onceOnly } from './once.ts'
import { overviewRoutes } from './overview.ts'
import { peopleRoutes } from './people.ts'
import { sessionRoutes } from './session.ts'
import { stageRoutes } from './stages.ts'
import type { ApiServer, ApiTools } from './tools.ts'
import { trailRoutes } from './trail.ts'
import { wordRoutes } from './words.ts'

const BODY_LIMIT = 262_144
/** Of one visitor, in a minute; who is not known yet counts by address. */
const MOST_REQUESTS = 300

/** Registered below `/api`. */
export async function settingsApi(fastify: FastifyInstance, tools: ApiTools): Promise<void> {
  const server = fastify as ApiServer
  server.setValidatorCompiler(validatorCompiler)
  server.setSerializerCompiler(serializerCompiler)
  server.setErrorHandler((error: FastifyError | CodedError, request, reply) => answerFailure(error, request, reply))
  server.setNotFoundHandler((_request, reply) =>
    reply.code(404).send({ ok: false, code: 'not_found', text: 'There is nothing at this address.' }),
  )
  server.decorateRequest('visitor', undefined)
  server.decorateRequest('claim', undefined)
  // Signatures are over the bytes as they came.
  server.removeAllContentTypeParsers()
  server.addContentTypeParser('application/json', { parseAs: 'buffer', bodyLimit: BODY_LIMIT }, (_request, body, done) => done(null, body))

  await server.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'Leadstage settings',
        version: '1',
        description:
          'Every answer is {ok: true, data} or {ok: false, code, text}. Requests that a CRM signs get every failure that was to be expected with status 200.',
      },
      components: { securitySchemes: { bearer: { type: 'http', scheme: 'bearer' } } },
      security: [{ bearer: [] }],
    },
    transform: createJsonSchemaTransform({ skipList: ['/api/openapi.json'] }),
    transformObject: (document) => withoutUnused(jsonSchemaTransformObject(document)),
  })
  await server.register(rateLimit, {
    max: MOST_REQUESTS,
    timeWindow: '1 minute',
    hook: 'preHandler',
    keyGenerator: ({ visitor, ip }) => (visitor === undefined ? ip : JSON.stringify([visitor.crm, visitor.account, visitor.userId])),
  })
  server.addHook('onRequest', async (_request, reply: FastifyReply) => {
    reply.headers({ 'cache-control': 'no-store', 'x-content-type-options': 'nosniff', 'referrer-policy': 'no-referrer' })
  })
  server.addHook('preValidation', createAuthentication(tools))
  onceOnly(server, tools)

  server.get('/openapi.json', { config: { for: 'anybody' }, schema: { hide: true } }, async (_request: FastifyRequest, reply) =>
    reply.serializer(JSON.stringify).send(server.swagger()),
  )
  for (const routes of [
    sessionRoutes,
    overviewRoutes,
    firstRunRoutes,
    figureRoutes,
    stageRoutes,
    leadRoutes,
    importRoutes,
    activityRoutes,
    backfillRoutes,
    accountRoutes,
    datasetAccessRoutes,
    peopleRoutes,
    trailRoutes,
    wordRoutes,
  ])
    routes(server, tools)
}

/** Every named schema comes in two readings, as it is sent and as it is answered; mostly one of them is used. */
function withoutUnused(document: ReturnType<SwaggerTransformObject>): ReturnType<SwaggerTransformObject> {
  const schemas = 'components' in document ? (document.components?.schemas ?? {}) : {}
  const text = JSON.stringify(document)
  const unused = Object.keys(schemas).filter((name) => !text.includes(`"#/components/schemas/${name}"`))
  for (const name of unused) delete schemas[name]
  // What only they named is unused now, too.
  return unused.length === 0 ? document : withoutUnused(document)
}

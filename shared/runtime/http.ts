// The HTTP side that all services share: limits, validation, problems, health, metrics and OpenAPI.
import swagger from '@fastify/swagger'
import swaggerUi from '@fastify/swagger-ui'
import { type TypeBoxTypeProvider, TypeBoxValidatorCompiler } from '@fastify/type-provider-typebox'
import Fastify, {
  type FastifyBaseLogger,
  type FastifyInstance,
  type RawReplyDefaultExpression,
  type RawRequestDefaultExpression,
  type RawServerDefault,
} from 'fastify'
import { Settings } from 'typebox/system'
import type { Log } from './log.ts'
import type { Metrics } from './metrics.ts'
import { answerError, problem } from './problem.ts'

export type HttpServer = FastifyInstance<
  RawServerDefault,
  RawRequestDefaultExpression,
  RawReplyDefaultExpression,
  FastifyBaseLogger,
  TypeBoxTypeProvider
>

interface Options {
  service: string
  version: string
  summary: string
  log: Log
  metrics: Metrics
  /** Why the service cannot do its work now; empty when it can. */
  faults(): Promise<string[]>
}

export const BODY_MAX_BYTES = 262_144
const REQUEST_TIMEOUT_MS = 15_000
const KEEP_ALIVE_MS = 30_000
const FAULTS_MAX = 50

/** Builds the server with everything but the service's own routes. Whoever creates it listens and closes. */
export async function createHttp({ service, version, summary, log, metrics, faults }: Options): Promise<HttpServer> {
  Settings.Set({ maxErrors: FAULTS_MAX })
  const app: HttpServer = Fastify({
    bodyLimit: BODY_MAX_BYTES,
    requestTimeout: REQUEST_TIMEOUT_MS,
    connectionTimeout: KEEP_ALIVE_MS,
    keepAliveTimeout: KEEP_ALIVE_MS,
    forceCloseConnections: 'idle',
    // Longer than any valid id, so that a bad one is told as a bad field and not as a missing route.
    routerOptions: { maxParamLength: 16_384 },
    frameworkErrors: answerError(log),
  }).withTypeProvider<TypeBoxTypeProvider>()
  app.setValidatorCompiler(TypeBoxValidatorCompiler)
  app.setErrorHandler(answerError(log))
  // Only JSON is understood; fastify would take plain text as well.
  app.removeContentTypeParser('text/plain')
  app.setNotFoundHandler((request, reply) =>
    reply
      .status(404)
      .type('application/problem+json')
      .send(problem(404, 'no_such_route', `${request.method} ${request.url.slice(0, 200)} does not exist; see /docs`)),
  )
  app.addHook('onResponse', async (request, reply) => {
    const route = request.routeOptions.url ?? 'unknown'
    metrics.answered(route, request.method, reply.statusCode, reply.elapsedTime)
    const level = QUIET.has(route) ? 'trace' : request.method === 'GET' ? 'debug' : 'info'
    const { method } = request
    const url = request.url.slice(0, 200)
    log[level]({ method, url, status: reply.statusCode, ms: Math.round(reply.elapsedTime) }, 'answered')
  })
  await app.register(swagger, { openapi: { info: { title: service, version, description: summary } } })
  await app.register(swaggerUi, { routePrefix: '/docs' })
  addHealth(app, metrics, faults)
  return app
}

const QUIET = new Set(['/health/live', '/health/ready', '/metrics'])

function addHealth(app: HttpServer, metrics: Metrics, faults: () => Promise<string[]>): void {
  const hidden = { schema: { hide: true } }
  app.get('/health/live', hidden, async () => ({ status: 'live' }))
  app.get('/health/ready', hidden, async (_, reply) => {
    const reasons = await faults()
    if (reasons.length === 0) return { status: 'ready' }
    return reply
      .status(503)
      .type('application/problem+json')
      .send(problem(503, 'not_ready', reasons.join('; ')))
  })
  app.get('/metrics', hidden, async (_, reply) => reply.type(metrics.contentType).send(await metrics.text()))
}

// The HTTP server that all services share: limits, validation, problems, health, metrics and OpenAPI.
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox'
import Fastify, {
  type FastifyBaseLogger,
  type FastifyInstance,
  type RawReplyDefaultExpression,
  type RawRequestDefaultExpression,
  type RawServerDefault,
} from 'fastify'
import { Settings } from 'typebox/system'
import { asError, BrokenError, RejectedError } from '../runtime/errors.ts'
import type { Log } from '../runtime/log.ts'
import { admit } from './admission.ts'
import { addDocs } from './docs.ts'
import { refuseOtherEncodings } from './encodings.ts'
import { FAULTS_MAX, HTTP_LIMITS, type HttpLimits } from './limits.ts'
import { createMalformed } from './malformed.ts'
import { answerNotFound, pathOf } from './methods.ts'
import { answerError, problem } from './problem.ts'
import { limitRate, type RateLimit } from './rate-limit.ts'
import { addSafeHeaders } from './safe-headers.ts'
import { traceRequests } from './spans.ts'

export type HttpServer = FastifyInstance<
  RawServerDefault,
  RawRequestDefaultExpression,
  RawReplyDefaultExpression,
  FastifyBaseLogger,
  TypeBoxTypeProvider
>

declare module 'fastify' {
  interface FastifyContextConfig {
    /** The path holds personal data, so logs name the route only. */
    hasPrivateUrl?: boolean
    /** No span for its requests. For a route that receives spans, each span would cause another. */
    isUntraced?: boolean
  }
}

/** Receives request metrics, and renders `/metrics`. */
export interface HttpMetrics {
  answered(route: string, method: string, status: number, durationMs: number): void
  /** Passes the function that counts HTTP requests in progress. */
  watchRequests(underWay: () => number): void
  text(): Promise<string>
  contentType: string
}

interface Options {
  service: string
  version: string
  summary: string
  /** Describes the routes, by the first part of their paths. */
  tags?: Readonly<Record<string, string>>
  /** The file with examples for the OpenAPI document. */
  examples?: string
  log: Log
  metrics: HttpMetrics
  /** Why the service cannot do its work now; empty if it can. */
  faults(): Promise<string[]>
  limits?: Partial<HttpLimits>
  rateLimit?: RateLimit | undefined
  /** Proxies whose `X-Forwarded-For` is trusted: addresses, ranges or `loopback`, separated by commas. */
  trustProxy?: string | undefined
}

/** Creates the server with everything except the service's own routes. The caller lets it listen and closes it. */
export async function createHttp(options: Options): Promise<HttpServer> {
  const { service, version, summary, log, metrics, faults, rateLimit } = options
  const limits = { ...HTTP_LIMITS, ...options.limits }
  Settings.Set({ maxErrors: FAULTS_MAX })
  const app = openServer(options, limits)
  if (rateLimit) await limitRate(app, service, rateLimit, isExempt)
  app.addHook('onRequest', async ({ url }) => {
    if (url.length > limits.urlMaxLength)
      throw new RejectedError(414, 'url_too_long', `a URL may have at most ${limits.urlMaxLength} characters`)
  })
  refuseBadHosts(app)
  refuseOtherEncodings(app)
  const admission = admit(app, limits.requestsMax, isExempt, log)
  metrics.watchRequests(admission.underWay)
  refuseWhileClosing(app)
  addSafeHeaders(app)
  traceRequests(app, isExempt)
  app.setErrorHandler(answerError(log))
  // Only JSON is accepted. Fastify would accept plain text too.
  app.removeContentTypeParser('text/plain')
  app.setNotFoundHandler(answerNotFound(app))
  app.addHook('onResponse', async (request, reply) => {
    const route = request.routeOptions.url ?? 'unknown'
    metrics.answered(route, request.method, reply.statusCode, reply.elapsedTime)
    const isQuiet = isExempt(route) || request.routeOptions.config?.isUntraced
    const level = isQuiet ? 'trace' : request.method === 'GET' ? 'debug' : 'info'
    if (!log.isLevelEnabled(level)) return
    const { method } = request
    const url = request.routeOptions.config?.hasPrivateUrl ? route : pathOf(request.url).slice(0, 200)
    log[level]({ method, url, status: reply.statusCode, ms: Math.round(reply.elapsedTime) }, 'answered')
  })
  const { tags = {}, examples } = options
  addDocs(app, { title: service, version, description: summary, tags, examples }, log)
  addHealth(app, metrics, faults)
  return app
}

function openServer({ log, metrics, trustProxy }: Options, limits: HttpLimits): HttpServer {
  const malformed = createMalformed((status) => metrics.answered('malformed', 'unknown', status, 0))
  try {
    const app: HttpServer = Fastify({
      bodyLimit: limits.bodyMaxBytes,
      requestTimeout: limits.requestTimeoutMs,
      connectionTimeout: limits.idleTimeoutMs,
      keepAliveTimeout: limits.idleTimeoutMs,
      http: {
        headersTimeout: limits.headersTimeoutMs,
        connectionsCheckingInterval: limits.timeoutsCheckedEveryMs,
        maxHeaderSize: limits.headersMaxBytes,
        // Node's own refusal of a missing Host has no body, and Node takes the first of several. So we check here: repeated
        // headers are joined, and `HOST` then does not match.
        requireHostHeader: false,
        joinDuplicateHeaders: true,
      },
      forceCloseConnections: 'idle',
      return503OnClosing: false,
      routerOptions: { maxParamLength: limits.headersMaxBytes },
      frameworkErrors: answerError(log),
      clientErrorHandler: malformed.answer,
      ...(trustProxy !== undefined && { trustProxy }),
    }).withTypeProvider<TypeBoxTypeProvider>()
    app.server.maxConnections = limits.connectionsMax
    malformed.watchServer(app.server)
    return app
  } catch (thrown) {
    if (trustProxy === undefined) throw thrown
    throw new BrokenError('bad_configuration', `configuration: TRUST_PROXY: ${asError(thrown).message}`)
  }
}

/**
 * A host with an optional port, or nothing (RFC 9110 §7.2). Two joined hosts have a comma between them, so they do not match.
 */
const HOST = /^(?:\[[\da-f:.]+\]|[\w.~!$&'()*+;=%-]*)(?::\d*)?$/i

/** RFC 9112 §3.2: a proxy in front of us might read another host from such a request than we do. */
function refuseBadHosts(app: HttpServer): void {
  app.addHook('onRequest', async ({ headers: { host }, raw }, reply) => {
    if (host === undefined ? raw.httpVersion === '1.0' : HOST.test(host)) return
    reply.header('connection', 'close')
    throw new RejectedError(400, 'bad_host', 'send one Host header, with a host and perhaps a port')
  })
}

/** While closing, an answer tells its client not to keep the connection, which would delay the stop. */
function refuseWhileClosing(app: HttpServer): void {
  let isClosing = false
  app.addHook('preClose', async () => {
    isClosing = true
  })
  app.addHook('onRequest', async () => {
    if (isClosing)
      throw new RejectedError(503, 'stopping', 'this process is stopping; try again', { retryAfterSeconds: 1 })
  })
  app.addHook('onSend', async (_, reply) => {
    if (isClosing) reply.header('connection', 'close')
  })
}

/** Health and metrics are for supervision. They are never refused or limited. */
const EXEMPT = new Set(['/health/live', '/health/ready', '/metrics'])
const isExempt = (route: string | undefined) => route !== undefined && EXEMPT.has(route)

function addHealth(app: HttpServer, metrics: HttpMetrics, faults: () => Promise<string[]>): void {
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

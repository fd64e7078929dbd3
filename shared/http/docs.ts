// Serves the OpenAPI document at /openapi.json and its pages below /docs. Both are made at the first request, so that a start
// does not pay for them.
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Log } from '../runtime/log.ts'
import { accessOf } from './auth.ts'
import type { HttpServer } from './http.ts'
import type { DocumentedRoute, DocumentInfo } from './openapi.ts'

/** Documents every route that is added to `app` afterwards, except those whose schema has `hide`. */
export function addDocs(app: HttpServer, info: DocumentInfo, log: Log): void {
  const routes: DocumentedRoute[] = []
  app.addHook('onRoute', ({ method, url, schema, onRequest }) => {
    // Fastify adds a HEAD route beside every GET, here and in the pages' server.
    if (schema?.hide !== true && method !== 'HEAD')
      routes.push({ method: String(method), url, schema, access: accessOf(onRequest) })
  })
  let pages: Promise<HttpServer> | undefined
  const open = async () => {
    // Imported only when used, since loading it takes time.
    const { openPages } = await import('./docs-pages.ts')
    return openPages(info, routes, log)
  }
  const opened = () => {
    pages ??= open().catch((error: unknown) => {
      pages = undefined
      throw error
    })
    return pages
  }
  const answer = async (request: FastifyRequest, reply: FastifyReply) =>
    passOn(await opened(), request.raw.url ?? '/', request, reply)
  const hidden = { schema: { hide: true } }
  app.get('/openapi.json', hidden, async (request, reply) => passOn(await opened(), '/docs/json', request, reply))
  app.get('/docs', hidden, answer)
  app.get('/docs/*', hidden, answer)
  app.addHook('onClose', async () => (await pages?.catch(() => undefined))?.close())
}

/** Headers about the connection, not the message (RFC 9110 §7.6.1), or set again by the outer server. */
const NOT_PASSED_ON = new Set(['connection', 'keep-alive', 'transfer-encoding', 'date'])

/** Always a GET. The outer server drops the body of an answer to a HEAD. */
async function passOn(
  pages: HttpServer,
  url: string,
  { headers }: FastifyRequest,
  reply: FastifyReply,
): Promise<unknown> {
  const answer = await pages.inject({ method: 'GET', url, headers })
  if (answer.statusCode === 404) return reply.callNotFound()
  for (const [name, value] of Object.entries(answer.headers))
    if (value !== undefined && !NOT_PASSED_ON.has(name)) reply.header(name, value)
  // For an empty body, fastify would set a content type.
  return reply.status(answer.statusCode).send(answer.rawPayload.length > 0 ? answer.rawPayload : undefined)
}

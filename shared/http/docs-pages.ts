// A fastify server that does not listen. It knows the documented routes by name only and answers for /docs.
import swagger from '@fastify/swagger'
import swaggerUi from '@fastify/swagger-ui'
import Fastify from 'fastify'
import type { Log } from '../runtime/log.ts'
import { readExamples } from './examples.ts'
import type { HttpServer } from './http.ts'
import { completed, type DocumentedRoute, type DocumentInfo } from './openapi.ts'
import { answerError } from './problem.ts'

const POLICY =
  "default-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; img-src 'self' data:; " +
  "object-src 'none'; style-src 'self' 'unsafe-inline'"

/** The caller closes it. */
export async function openPages(info: DocumentInfo, routes: DocumentedRoute[], log: Log): Promise<HttpServer> {
  const app: HttpServer = Fastify()
  app.setErrorHandler(answerError(log))
  // These routes are never called here, so no validator or serializer is compiled.
  app.setValidatorCompiler(() => () => true)
  app.setSerializerCompiler(() => JSON.stringify)
  const examples = await readExamples(info.examples)
  await app.register(swagger, {
    openapi: { openapi: '3.1.0', info: { title: info.title, version: info.version } },
    convertConstToEnum: false,
    transformObject: (made) =>
      'openapiObject' in made ? completed(made.openapiObject, info, routes, examples) : made.swaggerObject,
  })
  for (const { method, url, schema } of routes) app.route({ method, url, schema, handler: async () => undefined })
  // The plugin sets the policy that its own scripts and styles need. Without TLS in front there is nothing to upgrade to.
  await app.register(swaggerUi, { routePrefix: '/docs', staticCSP: POLICY })
  await app.ready()
  return app
}

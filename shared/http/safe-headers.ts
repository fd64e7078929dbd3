// Sets headers that forbid a browser to do anything with an answer, unless a page sets its own.
import type { FastifyInstance } from 'fastify'

/** OWASP "REST Security Cheat Sheet": answers hold private data, so no cache stores them and nothing in them runs. */
const HEADERS = {
  'cache-control': 'no-store',
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
}

/** Adds the headers to every answer that does not set them. */
export function addSafeHeaders(app: Pick<FastifyInstance, 'addHook'>): void {
  app.addHook('onSend', async (_, reply) => {
    for (const [name, value] of Object.entries(HEADERS)) if (!reply.hasHeader(name)) reply.header(name, value)
  })
}

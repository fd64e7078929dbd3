// What a browser may do with an answer: nothing at all, unless a page says otherwise for itself.
import type { FastifyInstance } from 'fastify'

/** OWASP "REST Security Cheat Sheet": answers are data of somebody, so no cache keeps them and nothing in them runs. */
const HEADERS = {
  'cache-control': 'no-store',
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
}

/** Adds them to every answer that does not bring its own. */
export function addSafeHeaders(app: Pick<FastifyInstance, 'addHook'>): void {
  app.addHook('onSend', async (_, reply) => {
    for (const [name, value] of Object.entries(HEADERS)) if (!reply.hasHeader(name)) reply.header(name, value)
  })
}

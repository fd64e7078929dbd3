// Answers a method that a path does not have: 405, or 204 for OPTIONS, both with the allowed methods (RFC 9110 §9.3.7,
// §15.5.6).
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { RejectedError } from '../runtime/errors.ts'

interface Path {
  segments: string[]
  methods: string[]
}

/**
 * For fastify's `setNotFoundHandler`, which gets every request that fits no route. Knows the routes that are added afterwards.
 * OPTIONS needs no token, since the documents are open too. It allows no other site to ask (no CORS).
 */
export function answerNotFound(app: Pick<FastifyInstance, 'addHook'>) {
  const paths: Path[] = []
  // This hook also gets the HEAD route that fastify adds beside every GET.
  app.addHook('onRoute', ({ url, method }) => void paths.push({ segments: url.split('/'), methods: [method].flat() }))
  return (request: FastifyRequest, reply: FastifyReply) => {
    const { method } = request
    const path = pathOf(request.url)
    const segments = decodeURI(path).split('/')
    const found = path === '*' ? paths : paths.filter((known) => fits(known.segments, segments))
    const methods = new Set(found.flatMap((known) => known.methods))
    if (methods.size === 0 || methods.has(method))
      throw new RejectedError(404, 'no_such_route', `${method} ${path.slice(0, 200)} does not exist; see /docs`)
    const allowed = [...methods.add('OPTIONS')].sort().join(', ')
    reply.header('allow', allowed)
    if (method === 'OPTIONS') return reply.status(204).send()
    throw new RejectedError(405, 'method_not_allowed', `${method} is not allowed here; allowed are ${allowed}`)
  }
}

/** The path without the query, since people put search terms there. */
export function pathOf(url: string): string {
  return url.split('?', 1)[0] ?? ''
}

function fits(pattern: string[], segments: string[]): boolean {
  const isOpen = pattern.at(-1) === '*'
  if (isOpen ? segments.length < pattern.length : segments.length !== pattern.length) return false
  return pattern.every((part, at) => part === '*' || part === segments[at] || (part.startsWith(':') && segments[at]))
}

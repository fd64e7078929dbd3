// Creates a span for each request if there is a tracing SDK. What the request submits or asks is its child (semantic
// conventions for HTTP servers).
import type { FastifyInstance } from 'fastify'
import { beginStep, type Step } from '../messaging/spans.ts'

const steps = new WeakMap<object, Step>()

/** The span of a request in progress. */
export const stepOf = (request: object): Step | undefined => steps.get(request)

/** Skips routes for which `isExempt` returns true: they are asked all the time, and nothing follows from them. */
export function traceRequests(
  app: Pick<FastifyInstance, 'addHook'>,
  isExempt: (route: string | undefined) => boolean,
): void {
  app.addHook('onRequest', async (request) => {
    const { method, headers, routeOptions } = request
    const route = routeOptions.url ?? 'unknown'
    if (isExempt(route) || routeOptions.config?.isUntraced) return
    const step = beginStep(() => ({
      name: `${method} ${route}`,
      kind: 'SERVER',
      // The route, not the path, which may hold private data.
      attributes: { 'http.request.method': method, 'http.route': route },
      from: { traceparent: headers.traceparent, tracestate: headers.tracestate },
    }))
    if (step) steps.set(request, step)
  })
  app.addHook('onResponse', async (request, { statusCode }) => {
    const step = steps.get(request)
    step?.note({ 'http.response.status_code': statusCode })
    step?.end(statusCode >= 500 ? new Error(`answered ${statusCode}`) : undefined)
  })
}

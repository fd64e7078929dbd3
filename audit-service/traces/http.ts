// The HTTP routes that receive spans, as a collector does, and show the spans of an order.
import { OrderId } from '@orders/shared/contracts'
import type { HttpServer, Wiring } from '@orders/shared/runtime'
import { Type } from 'typebox'
import { keepTraces } from './kept.ts'
import { ExportTraces, spansIn } from './otlp.ts'

const ByOrderId = Type.Object({ orderId: OrderId })
const SpansView = Type.Object({
  spans: Type.Array(
    Type.Object({
      traceId: Type.String(),
      id: Type.String(),
      parentId: Type.Union([Type.String(), Type.Null()], {
        description: 'The span of which it is a part or a consequence',
      }),
      service: Type.String(),
      name: Type.String(),
      startMs: Type.Number({ description: 'Milliseconds since 1970' }),
      durationMs: Type.Number(),
      isFailed: Type.Boolean(),
    }),
  ),
})

export function traceRoutes(app: HttpServer, { auth }: Pick<Wiring<object>, 'auth'>): void {
  const operators = { onRequest: auth.operator }
  const traces = keepTraces()

  app.post(
    '/v1/traces',
    {
      ...operators,
      config: { isUntraced: true },
      schema: {
        body: ExportTraces,
        response: { 200: Type.Object({}) },
        operationId: 'exportTraces',
        summary: 'Receive spans by OTLP/HTTP in JSON; this copy keeps the newest 20,000 in memory',
      },
    },
    async (request) => {
      traces.add(spansIn(request.body))
      return {}
    },
  )

  app.get(
    '/audit/orders/:orderId/spans',
    {
      ...operators,
      schema: {
        params: ByOrderId,
        response: { 200: SpansView },
        operationId: 'listSpans',
        summary: 'The spans of an order’s traces that this copy has received, the earliest first',
      },
    },
    async ({ params: { orderId } }) => ({ spans: traces.about(orderId) }),
  )
}

// Takes spans, as a collector does, and shows those of an order.
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
        description: 'the span that it is part of, or follows from',
      }),
      service: Type.String(),
      name: Type.String(),
      startMs: Type.Number({ description: 'milliseconds since 1970' }),
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
        summary: 'Take spans by OTLP/HTTP in JSON; the newest 20,000 are held in memory, by this copy',
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
        summary:
          'Where an order’s time went: the spans of its traces, as far as they were sent here; the earliest first',
      },
    },
    async ({ params: { orderId } }) => ({ spans: traces.about(orderId) }),
  )
}

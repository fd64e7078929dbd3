// The schemas of HTTP answers about the services.
import { ServiceState } from '@orders/shared/messaging'
import { Type } from 'typebox'

const NullableText = Type.Union([Type.String(), Type.Null()])

export const ServicesView = Type.Object({
  services: Type.Array(
    Type.Object({
      service: Type.String(),
      status: Type.Union([Type.Literal('ready'), Type.Literal('not_ready'), Type.Literal('not_answering')]),
      since: Type.Union([Type.String(), Type.Null()], {
        description: 'When its oldest copy started; if it does not answer, when it last reported',
      }),
      why: Type.Array(Type.String(), { description: 'Why it is not ready, or does not answer' }),
      nextStep: NullableText,
      copies: Type.Array(
        Type.Object({
          copy: Type.String(),
          version: Type.String(),
          startedAt: Type.String(),
          seenAt: Type.String(),
          faults: Type.Array(Type.String()),
        }),
        { description: 'The copies that have reported within half a minute' },
      ),
      outboxRows: ServiceState.properties.outboxRows,
      retries: ServiceState.properties.retries,
      openBreakers: Type.Array(Type.String(), { description: 'Outside systems whose circuit breaker is open' }),
    }),
  ),
})

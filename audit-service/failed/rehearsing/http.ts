// The HTTP route that rehearses a failed message: what would happen if it were sent again.
import { registry } from '@orders/shared/contracts'
import { type HttpServer, traceOf, type Wiring } from '@orders/shared/runtime'
import { maskedData } from '../../personal/masked.ts'
import { ById } from '../forms.ts'
import { foundIn } from '../http.ts'
import { RehearsalView } from '../views.ts'
import { rehearse } from './rehearse.ts'

export function rehearsalRoutes(
  app: HttpServer,
  { broker, database, auth }: Pick<Wiring<object>, 'broker' | 'database' | 'auth'>,
): void {
  app.post(
    '/failed/:id/rehearsal',
    {
      onRequest: auth.operator,
      schema: {
        params: ById,
        response: { 200: RehearsalView },
        problems: { 404: ['no_such_failure'], 409: ['not_rehearsed'], 502: ['bad_answer'] },
        operationId: 'rehearseFailure',
        summary: 'What would happen to the message now; nothing is saved or published, and no outside system is called',
      },
    },
    async (request) => {
      const told = await rehearse(broker, await foundIn(database, request.params.id), traceOf(request))
      const says = told.says.map((one) => {
        const dataschema = registry.contracts.get(one.type)?.dataschema
        return { ...one, data: maskedData(registry, { ...one, dataschema }) }
      })
      return { ...told, says }
    },
  )
}

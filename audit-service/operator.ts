// Sets who acts: the name of the token. A name in the request counts only if the token has none.
import type { HttpServer, Wiring } from '@orders/shared/runtime'
import { Type } from 'typebox'
import { isRecord } from './fields.ts'

const Operator = Type.Object({
  operator: Type.Union([Type.String(), Type.Null()], {
    description: 'The name of your token. null: it has no name, and each action needs `operator`',
  }),
})

/** Applies to the routes that are added after it. */
export function operatorsByToken(app: HttpServer, { auth }: Pick<Wiring<object>, 'auth'>): void {
  // Before validation, so that a request with a named token need not contain `operator`.
  app.addHook('preValidation', async (request) => {
    const operator = auth.operatorOf(request)
    if (operator !== undefined && isRecord(request.body) && !Array.isArray(request.body))
      request.body = { ...request.body, operator }
  })

  app.get(
    '/operations/operator',
    {
      onRequest: auth.operator,
      schema: {
        response: { 200: Operator },
        operationId: 'getOperator',
        summary: 'The name of your token',
      },
    },
    async (request) => ({ operator: auth.operatorOf(request) ?? null }),
  )
}

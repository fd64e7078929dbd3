// The two questions order-service asks payment-service over `payment.rpc.queue`, and their answers.
import { type Static, type TObject, type TProperties, Type } from 'typebox'
import { Compile, type Validator } from 'typebox/compile'
import { Cents, Instant, OrderId } from './shapes.ts'

export interface RpcContract<Request = unknown, Reply = unknown> {
  type: string
  queue: string
  summary: string
  requestSchema: TObject
  replySchema: TObject
  request(): Validator
  reply(): Validator
  /** Exists in the type only. */
  shape?: { request: Request; reply: Reply }
}

function rpc<Q extends TProperties, R extends TProperties>(
  type: string,
  { queue, summary, request, reply }: { queue: string; summary: string; request: TObject<Q>; reply: TObject<R> },
): RpcContract<Static<TObject<Q>>, Static<TObject<R>>> {
  const compiled = new Map<TObject, Validator>()
  const validator = (schema: TObject) => {
    const known = compiled.get(schema) ?? Compile(schema)
    compiled.set(schema, known)
    return known
  }
  return {
    type,
    queue,
    summary,
    requestSchema: request,
    replySchema: reply,
    request: () => validator(request),
    reply: () => validator(reply),
  }
}

export const Payment = Type.Object({
  orderId: OrderId,
  status: Type.Union([
    Type.Literal('cancel_requested'),
    Type.Literal('awaiting_confirmation'),
    Type.Literal('confirmed'),
    Type.Literal('succeeded'),
    Type.Literal('failed'),
    Type.Literal('refunded'),
  ]),
  totalCents: Type.Union([Cents, Type.Null()]),
  reason: Type.Union([Type.String(), Type.Null()]),
  chargeId: Type.Union([Type.String(), Type.Null()]),
  confirmBefore: Type.Union([Instant, Type.Null()]),
  updatedAt: Instant,
})
export type Payment = Static<typeof Payment>

export const PaymentGet = rpc('payment.get', {
  queue: 'payment.rpc.queue',
  summary: 'Where does the payment of this order stand?',
  request: Type.Object({ orderId: OrderId }),
  reply: Payment,
})

export const PaymentConfirm = rpc('payment.confirm', {
  queue: 'payment.rpc.queue',
  summary: 'The customer confirms the amount.',
  request: Type.Object({ orderId: OrderId }),
  reply: Payment,
})

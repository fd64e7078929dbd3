// RPC with contracts: asks a question over a queue and validates the answer. Defines the wire form of answers.
import { type Static, Type } from 'typebox'
import { Compile } from 'typebox/compile'
import type { RpcContract } from '../contracts/definition/contract.ts'
import { asError, RejectedError, TransientError } from '../runtime/errors.ts'
import type { Broker } from './broker.ts'
import { aboutMessage, beginStep } from './spans.ts'
import { nextTrace, type Trace } from './trace.ts'

const Answered = Type.Object({ ok: Type.Literal(true), reply: Type.Unknown() })
const Refused = Type.Object({
  ok: Type.Literal(false),
  status: Type.Integer({ minimum: 400, maximum: 599 }),
  code: Type.String(),
  message: Type.String(),
})
const WireReply = Type.Union([Answered, Refused])
export type WireReply = Static<typeof WireReply>
const wireReplies = Compile(WireReply)

/**
 * Sends a question and resolves with the answer. The trace continues that of `cause`.
 *
 * @throws RejectedError 504 `no_answer_in_time`; 503 `broker_unavailable`; 502 `bad_answer`; or the other service's own
 * refusal, unchanged.
 */
export async function ask<Q, R>(
  broker: Broker,
  contract: RpcContract<Q, R>,
  request: Q,
  timeoutMs: number,
  cause: Trace = {},
): Promise<R> {
  const body = Buffer.from(JSON.stringify(request))
  const step = asking(contract, cause)
  const headers = { ...(step?.trace ?? nextTrace(cause)) }
  const answer = await broker
    .request(contract.queue, { type: contract.type, body, headers }, timeoutMs)
    .catch((thrown: unknown) => {
      step?.end(thrown)
      throw unanswered(asError(thrown))
    })
  step?.end()
  const wire = wireReply(answer)
  if (wire?.ok === false) throw new RejectedError(wire.status, wire.code, wire.message)
  if (!wire || !contract.reply().Check(wire.reply))
    throw new RejectedError(502, 'bad_answer', `the answer to ${contract.type} is not valid`)
  return wire.reply as R
}

/** The span from the question to its answer. */
function asking({ queue: routingKey, type }: Pick<RpcContract<unknown, unknown>, 'queue' | 'type'>, from: Trace) {
  return beginStep(() => ({
    name: `ask ${type}`,
    kind: 'CLIENT',
    attributes: aboutMessage('send', { id: undefined, exchange: '', routingKey, subject: undefined }),
    from,
  }))
}

function wireReply(answer: Buffer): WireReply | undefined {
  try {
    const wire: unknown = JSON.parse(answer.toString('utf8'))
    return wireReplies.Check(wire) ? wire : undefined
  } catch {
    // Not JSON: the caller reports `bad_answer`.
    return undefined
  }
}

function unanswered(error: Error): Error {
  if (!(error instanceof TransientError)) return error
  return error.code === 'rpc_timeout'
    ? new RejectedError(
        504,
        'no_answer_in_time',
        `${error.message}; the request may still be handled: ask for its state`,
      )
    : new RejectedError(503, 'broker_unavailable', error.message, { retryAfterSeconds: 2 })
}

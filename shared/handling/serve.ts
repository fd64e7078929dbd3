// The server of questions: each decides in the same group commit as messages and requests, or answers by itself.
import type { Work } from '../commit/work.ts'
import type { RpcContract } from '../contracts/definition/contract.ts'
import type { Delivery } from '../messaging/broker.ts'
import { BODY_MAX_BYTES, type Cause } from '../messaging/envelope.ts'
import type { WireReply } from '../messaging/rpc.ts'
import { traceIdOf } from '../messaging/trace.ts'
import { historyWith } from '../retries/recoverability.ts'
import { asError, errorCode, PermanentError, RejectedError } from '../runtime/errors.ts'
import { bury } from './bury.ts'
import { type Kernel, observing } from './kernel.ts'
import { type Taking, takeFrom } from './taking.ts'

/** Answers one type of question. Throws RejectedError to refuse; nothing is changed then. */
export interface Answerer {
  type: string
  contract: RpcContract
  work(request: unknown, now: string): Work<unknown>
}

/** `answers(Contract, work)`: ties an answer to its contract, so that request and reply have the contract's shapes. */
export function answers<Q, R>(contract: RpcContract<Q, R>, work: (request: Q, now: string) => Work<R>): Answerer {
  // The cast is the decoding edge: the server calls it only with what the contract's schema accepted.
  return { type: contract.type, contract, work } as Answerer
}

/** Answers by a way of its own, mostly a read; what it throws refuses, as above. */
export interface Replier {
  type: string
  contract: RpcContract
  reply(request: unknown, cause: Cause): Promise<unknown>
}

/** `replies(Contract, reply)`: like `answers`, for what is not decided in a group, or there already. */
export function replies<Q, R>(contract: RpcContract<Q, R>, reply: (request: Q, cause: Cause) => Promise<R>): Replier {
  // The same edge as above.
  return { type: contract.type, contract, reply } as Replier
}

interface Terms {
  /** False where questions are worth nothing later: what cannot be understood is refused, and gone. Default true. */
  keepsDeadLetters?: boolean
  bodyMaxBytes?: number
  /** Of the line for each answer. Default `info`. */
  logLevel?: 'info' | 'debug'
}

/**
 * Serves `queue`. A question that cannot be understood goes to the dead letters; every other one is answered, and only
 * after what it changed is committed. An answer may be lost with its asker; asking again is harmless.
 */
export function serve(
  kernel: Kernel,
  queue: string,
  prefetch: number,
  answerers: readonly (Answerer | Replier)[],
  { keepsDeadLetters = true, bodyMaxBytes = BODY_MAX_BYTES, logLevel = 'info' }: Terms = {},
): Taking {
  const { broker, commit, log, now } = kernel
  const byType = new Map(answerers.map((answerer) => [answerer.type, answerer]))

  async function settle(delivery: Delivery): Promise<void> {
    const type = delivery.properties.type ?? 'unknown'
    const observed = observing(kernel, queue, type)
    const finish = (outcome: 'handled' | 'dead_letter') => {
      observed(outcome)
      delivery.ack()
    }
    if (isLate(delivery, now())) return finish('handled')
    try {
      const { answerer, request } = understand(delivery)
      const wire = await decide(answerer, request, delivery)
      answer(delivery, wire)
      log[logLevel](
        {
          ...{ queue, type, subject: delivery.properties.correlationId, answer: wire.ok ? 'ok' : wire.code },
          traceId: traceIdOf(delivery.properties.headers.traceparent),
        },
        'answered',
      )
      finish('handled')
    } catch (thrown) {
      const error = asError(thrown)
      if (!keepsDeadLetters) {
        log.warn({ queue, type, why: error.message }, 'refused')
        answer(delivery, { ok: false, status: 400, code: errorCode(error), message: error.message })
        return finish('handled')
      }
      log.error({ queue, type, why: error.message }, 'dead letter')
      const history = historyWith([], error, { at: now().toISOString(), attempt: 1 })
      await bury(kernel, { delivery, queue, error, attempt: 1, history })
      finish('dead_letter')
    }
  }

  const answer = (delivery: Delivery, wire: WireReply) => broker.reply(delivery, Buffer.from(JSON.stringify(wire)))

  function understand(delivery: Delivery): { answerer: Answerer | Replier; request: unknown } {
    const { body, properties } = delivery
    if (body.length > bodyMaxBytes) throw new PermanentError('too_large', `a body of ${body.length} bytes`)
    const answerer = byType.get(properties.type ?? '')
    if (!answerer) throw new PermanentError('unknown_type', `this queue serves no requests of type ${properties.type}`)
    const request = parse(body)
    if (!answerer.contract.request().Check(request))
      throw new PermanentError('invalid_data', `not a valid ${properties.type} request`)
    return { answerer, request }
  }

  async function decide(answerer: Answerer | Replier, request: unknown, { properties }: Delivery): Promise<WireReply> {
    const { traceparent, tracestate } = properties.headers
    try {
      const cause = { traceparent, tracestate }
      const reply =
        'reply' in answerer
          ? await answerer.reply(request, cause)
          : await commit.submit(answerer.work(request, now().toISOString()), cause)
      return { ok: true, reply }
    } catch (thrown) {
      const error = asError(thrown)
      if (error instanceof RejectedError)
        return { ok: false, status: error.status, code: error.code, message: error.message }
      log.error({ queue, type: answerer.type, err: error }, 'RPC request failed')
      return { ok: false, status: 503, code: errorCode(error), message: 'the service cannot answer now; try again' }
    }
  }

  return takeFrom({ broker, log, queue, prefetch, settle })
}

/** Its asker has stopped waiting. */
function isLate({ properties: { headers } }: Delivery, now: Date): boolean {
  return typeof headers.deadline === 'number' && headers.deadline < now.getTime()
}

function parse(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString('utf8'))
  } catch (error) {
    throw new PermanentError('undecodable', 'the body is not JSON', { cause: error })
  }
}

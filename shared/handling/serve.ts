// The RPC server. A question is decided in the same group commit as messages and requests, or answered directly.
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

/** Decides one type of question in the group commit. To refuse, `work` throws RejectedError; then nothing is changed. */
export interface Answerer {
  type: string
  contract: RpcContract
  work(request: unknown, now: string): Work<unknown>
}

/** `answers(Contract, work)`: ties `work` to its contract, so that request and reply have the contract's shapes. */
export function answers<Q, R>(contract: RpcContract<Q, R>, work: (request: Q, now: string) => Work<R>): Answerer {
  // Decoding edge: the server calls `work` only with data that the contract's schema accepted.
  return { type: contract.type, contract, work } as Answerer
}

/** Answers one type of question without the group commit, usually by a read. To refuse, `reply` throws RejectedError. */
export interface Replier {
  type: string
  contract: RpcContract
  reply(request: unknown, cause: Cause): Promise<unknown>
}

/** `replies(Contract, reply)`: like `answers`, for a reply that needs no group commit or makes its own. */
export function replies<Q, R>(contract: RpcContract<Q, R>, reply: (request: Q, cause: Cause) => Promise<R>): Replier {
  // Decoding edge, as in `answers`.
  return { type: contract.type, contract, reply } as Replier
}

interface Terms {
  /**
   * Set false if a question is worthless later: then one that cannot be understood is refused and makes no dead letter. Default
   * true.
   */
  keepsDeadLetters?: boolean
  bodyMaxBytes?: number
  /** Log level for each answer. Default `info`. */
  logLevel?: 'info' | 'debug'
}

/**
 * Serves `queue`. A question that cannot be understood becomes a dead letter, and one past its deadline is dropped. Every other
 * question is answered, after the commit of its changes. If the asker is gone the answer is lost; asking again is harmless.
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

/** True if the asker has stopped waiting. */
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

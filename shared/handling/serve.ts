// The RPC server. A question is decided in the same group commit as messages and requests, or answered directly.
import type { Delivery } from '../messaging/broker.ts'
import { BODY_MAX_BYTES } from '../messaging/envelope.ts'
import type { WireReply } from '../messaging/rpc.ts'
import { traceIdOf } from '../messaging/trace.ts'
import { historyWith } from '../retries/recoverability.ts'
import { asError, errorCode, RejectedError } from '../runtime/errors.ts'
import { bury } from './bury.ts'
import { type Kernel, observing } from './kernel.ts'
import { type Answerer, createQuestions, deadlineBefore, type Replier } from './questions.ts'
import { type Taking, takeFrom } from './taking.ts'

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
  const understand = createQuestions(answerers, bodyMaxBytes)

  async function settle(delivery: Delivery): Promise<void> {
    const type = delivery.properties.type ?? 'unknown'
    const observed = observing(kernel, queue, type)
    const finish = (outcome: 'handled' | 'dead_letter') => {
      observed(outcome)
      delivery.ack()
    }
    if (deadlineBefore(now(), delivery) !== undefined) return finish('handled')
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

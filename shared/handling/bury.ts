// Publishes a delivery as a dead letter: the same body, with headers for the reason, the queue and every attempt.

import type { Headers, Publication } from '../messaging/broker.ts'
import { type Arrived, cut, publishable, SHORT_TEXT_MAX_BYTES } from '../messaging/publishable.ts'
import { publishUntilTaken } from '../messaging/until-taken.ts'
import type { Attempt } from '../retries/recoverability.ts'
import { errorCode } from '../runtime/errors.ts'
import { deadLetterExchange } from '../topology/queues.ts'
import type { Kernel } from './kernel.ts'

const STACK_MAX = 4_000
const MESSAGE_MAX = 1_000

interface Failed {
  delivery: Arrived
  queue: string
  error: Error
  /** Counts from 1. */
  attempt: number
  history: readonly Attempt[]
}

/** Resolves when the broker has confirmed the dead letter. */
export const bury = (kernel: Kernel, failed: Failed) => publishUntilTaken(kernel.broker, deadCopy(kernel, failed))

type By = Pick<Kernel, 'service' | 'version' | 'now'>

export function deadCopy(by: By, { delivery, queue, error, attempt, history }: Failed): Publication {
  const { headers, ...properties } = publishable(delivery.properties)
  const { history: _, ...before } = headers
  const told: Headers = {
    ...before,
    attempt,
    queue,
    'published-to': delivery.exchange,
    'published-as': delivery.routingKey,
    service: by.service,
    'service-version': by.version,
    'failed-at': by.now().toISOString(),
    'error-code': cut(errorCode(error), SHORT_TEXT_MAX_BYTES),
    'error-message': error.message.slice(0, MESSAGE_MAX),
    'error-stack': (error.stack ?? '').slice(0, STACK_MAX),
    history: JSON.stringify(history),
  }
  return {
    exchange: deadLetterExchange,
    routingKey: queue,
    body: delivery.body,
    properties: { ...properties, headers: told },
  }
}

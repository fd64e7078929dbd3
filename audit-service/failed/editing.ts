// Changes the body of a failed message. A body that no service could handle is refused.

import { type Arrived, decode, decodeEnvelope, type Properties, type Registry } from '@orders/shared/messaging'
import { asError, errorCode, RejectedError } from '@orders/shared/runtime'
import { inText } from '@orders/shared/storage'
import { wordsOf } from './letter.ts'
import type { Failure } from './store.ts'

/**
 * Derives the properties from the new body. A type that is not in the registry has no contract to satisfy.
 *
 * @throws RejectedError 422 with the code with which the service would give it up
 */
export function edited(failure: Failure, body: Buffer, registry: Registry) {
  // The cast is safe: `letterOf` wrote it.
  const properties = JSON.parse(failure.properties) as Properties
  const { exchange, routingKey } = failure
  const told = readBy(registry, { body, properties, exchange, routingKey, redelivered: false }, failure.type)
  const { type, subject, id: messageId } = told ?? { ...failure, id: failure.messageId }
  const mirrored = told ? { ...properties, type, messageId, correlationId: subject } : properties
  return {
    body,
    type,
    subject,
    messageId,
    properties: inText(JSON.stringify(mirrored)),
    words: wordsOf([type, subject, messageId, failure.code, failure.reason], body),
  }
}

/** Undefined if the body is not an event and the message was of an unknown type before. */
function readBy(registry: Registry, arrived: Arrived, typeBefore: string) {
  try {
    const envelope = decodeEnvelope(arrived)
    return registry.contracts.has(envelope.type) ? decode(registry, arrived) : envelope
  } catch (thrown) {
    const error = asError(thrown)
    if (!registry.contracts.has(typeBefore) && errorCode(error) !== 'invalid_data') return undefined
    throw new RejectedError(422, errorCode(error), `no service could handle this body: ${error.message}`)
  }
}

// A message on the wire: CloudEvents 1.0 in structured JSON, its attributes mirrored in the AMQP properties.
import { type AnyContract, commands, dataschemaOf, events, type Message, type Received } from '../contracts/index.ts'
import { PermanentError } from '../runtime/errors.ts'
import type { Delivery, Properties, Publication } from './broker.ts'
import { nextTraceparent } from './trace.ts'

/** What made a message: the id of the message or request behind it, and the trace it belongs to. */
export interface Cause {
  causationId?: string | undefined
  traceparent?: unknown
}

export const BODY_MAX_BYTES = 1_048_576
/** AMQP 0-9-1 "short string": message id, type, correlation id and routing key. */
const SHORT_TEXT_MAX_BYTES = 255
const PRIORITY_MAX = 255
const EXPIRATION_MAX_MS = 4_294_967_295
const CONTENT_TYPE = 'application/cloudevents+json'

/**
 * Encodes and validates: a message that breaks its own contract is never recorded, let alone sent.
 *
 * @throws PermanentError `invalid_message`
 */
export function encode(message: Message, service: string, cause: Cause): Publication {
  const envelope = {
    specversion: '1.0',
    id: message.id,
    source: `/${service}`,
    type: message.type,
    subject: message.subject,
    time: message.time,
    datacontenttype: 'application/json',
    dataschema: dataschemaOf(message.type, message.version),
    data: message.data,
  }
  const contract = contractOf(message.type)
  if (!contract?.validator().Check(envelope))
    throw new PermanentError('invalid_message', `${message.id} breaks its own contract: ${faults(contract, envelope)}`)
  const body = Buffer.from(JSON.stringify(envelope))
  const unsendable = beyondAmqp(message, body)
  if (unsendable)
    throw new PermanentError('invalid_message', `${message.id.slice(0, 400)} cannot be sent: ${unsendable}`)
  const properties: Properties = {
    messageId: message.id,
    type: message.type,
    appId: service,
    timestamp: Math.floor(Date.parse(message.time) / 1000),
    correlationId: message.subject,
    contentType: CONTENT_TYPE,
    priority: message.priority ?? 0,
    headers: {
      traceparent: nextTraceparent(cause.traceparent),
      attempt: 1,
      ...(cause.causationId !== undefined && { 'causation-id': cause.causationId }),
    },
  }
  if (message.expirationMs !== undefined) properties.expirationMs = message.expirationMs
  return {
    exchange: message.exchange,
    routingKey: message.routingKey,
    body,
    properties,
  }
}

/** Why AMQP or a consumer would refuse it. Once in the outbox, such a message could neither leave nor be forgotten. */
function beyondAmqp({ id, type, subject, routingKey, time, priority = 0, expirationMs = 0 }: Message, body: Buffer) {
  const texts = { id, type, subject, routingKey }
  const [long] = Object.entries(texts).filter(([, text]) => Buffer.byteLength(text) > SHORT_TEXT_MAX_BYTES)
  if (long) return `its ${long[0]} is longer than ${SHORT_TEXT_MAX_BYTES} bytes`
  if (Number.isNaN(Date.parse(time))) return `its time ${time} does not exist`
  if (!isWhole(priority, PRIORITY_MAX)) return `its priority is ${priority}`
  if (!isWhole(expirationMs, EXPIRATION_MAX_MS)) return `its expiration is ${expirationMs} ms`
  return body.length > BODY_MAX_BYTES ? `its body has ${body.length} bytes; the most is ${BODY_MAX_BYTES}` : undefined
}

function isWhole(value: number, max: number): boolean {
  return Number.isInteger(value) && value >= 0 && value <= max
}

/** The envelope alone, of any type and version: enough for whoever keeps every message and acts on none. */
export function decodeEnvelope(delivery: Delivery): Received {
  return read(delivery).received
}

function read({ body }: Delivery): { received: Received; envelope: Record<string, unknown> } {
  if (body.length > BODY_MAX_BYTES)
    throw new PermanentError('too_large', `a body of ${body.length} bytes; the most is ${BODY_MAX_BYTES}`)
  const envelope = parse(body)
  const { id, source, type, subject, time } = envelope
  if (envelope.specversion !== '1.0') throw new PermanentError('not_a_cloudevent', 'specversion is not "1.0"')
  if (!isText(id, 400) || !isText(source, 200) || !isText(type, 200) || !isText(subject, 200) || !isText(time, 40))
    throw new PermanentError('not_a_cloudevent', 'id, source, type, subject and time must be texts of a sane length')
  if (Number.isNaN(Date.parse(time))) throw new PermanentError('not_a_cloudevent', 'time is not an RFC 3339 instant')
  return { received: { id, source, type, subject, time, data: envelope.data }, envelope }
}

/**
 * Decodes and validates against the contract of its type; unknown fields are ignored.
 *
 * @throws PermanentError `too_large`, `undecodable`, `not_a_cloudevent`, `unknown_type`, `unknown_version`, `invalid_data`
 */
export function decode(delivery: Delivery): Received {
  const { received, envelope } = read(delivery)
  const contract = contractOf(received.type)
  if (!contract) throw new PermanentError('unknown_type', `no contract for type ${received.type}`)
  if (envelope.dataschema !== contract.dataschema) {
    const found = JSON.stringify(envelope.dataschema)?.slice(0, 200)
    throw new PermanentError('unknown_version', `dataschema is ${found}; this version knows ${contract.dataschema}`)
  }
  if (!contract.validator().Check(envelope)) throw new PermanentError('invalid_data', faults(contract, envelope))
  return received
}

function parse(body: Buffer): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(body.toString('utf8'))
    if (isRecord(value)) return value
  } catch (error) {
    throw new PermanentError('undecodable', 'the body is not JSON', { cause: error })
  }
  throw new PermanentError('undecodable', 'the body is not a JSON object')
}

function contractOf(type: string): AnyContract | undefined {
  return events.get(type) ?? commands.get(type)
}

function faults(contract: AnyContract | undefined, envelope: unknown): string {
  if (!contract) return 'its type has none'
  const errors = contract.validator().Errors(envelope)
  return errors.map(({ instancePath, message }) => `${instancePath || '/'} ${message}`).join('; ')
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function isText(value: unknown, lengthMax: number): value is string {
  return typeof value === 'string' && value.length > 0 && value.length <= lengthMax
}

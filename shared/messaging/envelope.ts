// Encodes and decodes messages: CloudEvents 1.0 in structured JSON, with the attributes repeated in the AMQP properties.

import { isUtf8 } from 'node:buffer'
import { isInstant } from '../contracts/definition/calendar.ts'
import type { AnyContract, Message, Reader, Received } from '../contracts/definition/contract.ts'
import type { PersonalFields } from '../contracts/definition/personal.ts'
import type { Registry } from '../contracts/definition/registry.ts'
import { PermanentError } from '../runtime/errors.ts'
import type { Properties, Publication } from './broker.ts'
import { type Arrived, SHORT_TEXT_MAX_BYTES } from './publishable.ts'
import { aboutMessage, beginStep } from './spans.ts'
import { nextTrace, type Trace, type TraceHeaders } from './trace.ts'

/** What caused a message: the id of the message behind it, and its trace. */
export interface Cause extends Trace {
  causationId?: string | undefined
}

/** A type or version that this version does not know or handle. A newer version may. */
export class UnknownContractError extends PermanentError {
  readonly source: string
  readonly dataschema: string
  constructor(code: string, message: string, { source, dataschema }: { source: string; dataschema: unknown }) {
    super(code, message)
    this.source = source
    this.dataschema = textOf(dataschema)
  }
}

/** A text as it is, anything else as JSON: an object from outside may have no way to become a text. */
const textOf = (value: unknown): string =>
  (typeof value === 'string' ? value : (JSON.stringify(value) ?? '')).slice(0, 200)

export const BODY_MAX_BYTES = 1_048_576
const PRIORITY_MAX = 255
/** Every message has a priority. A quorum queue with strict priorities would let those without starve (RabbitMQ 4.3). */
const PRIORITY_DEFAULT = 4
const EXPIRATION_MAX_MS = 4_294_967_295
const CONTENT_TYPE = 'application/cloudevents+json'

/**
 * Encodes and validates a message. One that violates its own contract is never recorded.
 *
 * @throws PermanentError `invalid_message`
 */
export function encode({ contracts }: Registry, message: Message, service: string, cause: Cause): Publication {
  const contract = contracts.get(message.type)
  const envelope = envelopeOf(contract, message, service)
  if (contract?.version !== message.version || !contract.validator().Check(envelope))
    throw new PermanentError(
      'invalid_message',
      `${message.id} breaks its own contract: ${faultsOf(contract, envelope)}`,
    )
  const text = JSON.stringify(envelope)
  const body = Buffer.from(text)
  const unsendable =
    beyondAmqp(message, body) ?? (isWhole(text, envelope) ? undefined : 'a text in it is not well-formed')
  if (unsendable)
    throw new PermanentError('invalid_message', `${message.id.slice(0, 400)} cannot be sent: ${unsendable}`)
  const properties: Properties = {
    messageId: message.id,
    type: message.type,
    appId: service,
    timestamp: Math.floor(Date.parse(message.time) / 1000),
    correlationId: message.subject,
    contentType: CONTENT_TYPE,
    priority: message.priority ?? PRIORITY_DEFAULT,
    headers: {
      ...traceFor(message, body, cause),
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
    ...(message.isTask && { isTask: true }),
  }
}

/** The trace headers of a new message: of its own span if there is a tracing SDK, otherwise derived from the cause. */
function traceFor({ id, exchange, routingKey, subject }: Message, body: Buffer, from: Cause): TraceHeaders {
  const step = beginStep(() => ({
    name: `create ${exchange || routingKey}`,
    kind: 'PRODUCER',
    attributes: aboutMessage('create', { id, exchange, routingKey, subject, bytes: body.length }),
    from,
  }))
  step?.end()
  return step?.trace ?? nextTrace(from)
}

function envelopeOf(contract: AnyContract | undefined, message: Message, service: string) {
  return {
    specversion: '1.0',
    id: message.id,
    source: `/${service}`,
    type: message.type,
    subject: message.subject,
    time: message.time,
    datacontenttype: 'application/json',
    dataschema: contract?.dataschema,
    data: message.data,
  }
}

/**
 * The same message with other data. The contract is not checked again, since encrypted fields no longer have their declared
 * types.
 */
export function withData(publication: Publication, contract: AnyContract, message: Message): Publication {
  const envelope = envelopeOf(contract, message, publication.properties.appId ?? '')
  return { ...publication, body: Buffer.from(JSON.stringify(envelope)) }
}

/** Why AMQP or a consumer would refuse the message. In the outbox, such a message could neither be published nor deleted. */
function beyondAmqp({ id, type, subject, routingKey, time, priority = 0, expirationMs = 0 }: Message, body: Buffer) {
  const texts = { id, type, subject, routingKey }
  const [long] = Object.entries(texts).filter(([, text]) => Buffer.byteLength(text) > SHORT_TEXT_MAX_BYTES)
  if (long) return `its ${long[0]} is longer than ${SHORT_TEXT_MAX_BYTES} bytes`
  if (!isInstant(time)) return `its time ${time} does not exist`
  if (!isCount(priority, PRIORITY_MAX)) return `its priority is ${priority}`
  if (!isCount(expirationMs, EXPIRATION_MAX_MS)) return `its expiration is ${expirationMs} ms`
  return body.length > BODY_MAX_BYTES ? `its body has ${body.length} bytes; the most is ${BODY_MAX_BYTES}` : undefined
}

function isCount(value: number, max: number): boolean {
  return Number.isInteger(value) && value >= 0 && value <= max
}

/** Decodes the envelope only, of any type and version, for a service that stores every message and acts on none. */
export function decodeEnvelope(delivery: Arrived): Received {
  return read(delivery).received
}

function read({ body }: Arrived): { received: Received; envelope: Record<string, unknown> } {
  if (body.length > BODY_MAX_BYTES)
    throw new PermanentError('too_large', `a body of ${body.length} bytes; the most is ${BODY_MAX_BYTES}`)
  const envelope = parse(body)
  const { id, source, type, subject, time } = envelope
  if (envelope.specversion !== '1.0') throw new PermanentError('not_a_cloudevent', 'specversion is not "1.0"')
  if (
    !isTextOf(id, 400) ||
    !isTextOf(source, 200) ||
    !isTextOf(type, 200) ||
    !isTextOf(subject, 200) ||
    !isTextOf(time, 40)
  )
    throw new PermanentError('not_a_cloudevent', 'id, source, type, subject and time must be texts of a valid length')
  if (!isInstant(time)) throw new PermanentError('not_a_cloudevent', 'time is not an RFC 3339 instant')
  return { received: { id, source, type, subject, time, data: envelope.data }, envelope }
}

/** Decrypts the encrypted fields of a message's data and tells whether their owner is forgotten. */
export type Open = (personal: PersonalFields, message: Received) => Pick<Received, 'data' | 'isForgotten'>

/**
 * Decodes a message, validates it against the contract version that it names, and converts it to the newest version. Unknown
 * fields are ignored. Without `open`, encrypted fields stay encrypted.
 *
 * @throws what `open` does; PermanentError `too_large`, `undecodable`, `not_a_cloudevent`, `unknown_type`, `unknown_version`,
 * `invalid_data`
 */
export function decode({ contracts }: Registry, delivery: Arrived, open?: Open): Received {
  const { received: sealed, envelope: wire } = read(delivery)
  const contract = contracts.get(sealed.type)
  const told = { source: sealed.source, dataschema: wire.dataschema }
  if (!contract) throw new UnknownContractError('unknown_type', `no contract for type ${sealed.type}`, told)
  const reader = contract.readers.get(textOf(wire.dataschema))
  if (!reader) {
    const found = JSON.stringify(wire.dataschema)?.slice(0, 200)
    const why = `dataschema is ${found}; this version knows ${[...contract.readers.keys()].join(', ')}`
    throw new UnknownContractError('unknown_version', why, told)
  }
  const received = reader.personal && open ? { ...sealed, ...open(reader.personal, sealed) } : sealed
  const envelope = received === sealed ? wire : { ...wire, data: received.data }
  if (!reader.validator().Check(envelope)) throw new PermanentError('invalid_data', faultsOf(reader, envelope))
  return reader.up ? { ...received, data: reader.up(received.data) } : received
}

/** Escapes for half a surrogate pair or U+0000. JSON allows them, but no database stores them unchanged. */
const NO_TEXT = /\\u(?:d[89a-f]|0000)/i

function parse(body: Buffer): Record<string, unknown> {
  if (!isUtf8(body)) throw new PermanentError('undecodable', 'the body is not UTF-8')
  const text = body.toString('utf8')
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (error) {
    throw new PermanentError('undecodable', 'the body is not JSON', { cause: error })
  }
  if (!isWhole(text, value)) throw new PermanentError('undecodable', 'a text in it is not well-formed')
  if (isRecord(value)) return value
  throw new PermanentError('undecodable', 'the body is not a JSON object')
}

/** Whether every text in the value is well-formed Unicode, without U+0000. */
const isWhole = (json: string, value: unknown) => !json.includes('\\u') || !NO_TEXT.test(json) || isText(value)

function isText(value: unknown): boolean {
  if (typeof value === 'string') return value.isWellFormed() && !value.includes('\u0000')
  if (typeof value !== 'object' || value === null) return true
  return Object.entries(value).every(([name, inner]) => isText(name) && isText(inner))
}

function faultsOf(reader: Pick<Reader, 'validator'> | undefined, envelope: unknown): string {
  if (!reader) return 'its type has none'
  const errors = reader.validator().Errors(envelope)
  return errors.map(({ instancePath, message }) => `${instancePath || '/'} ${message}`).join('; ')
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function isTextOf(value: unknown, lengthMax: number): value is string {
  return typeof value === 'string' && value.length > 0 && value.length <= lengthMax
}

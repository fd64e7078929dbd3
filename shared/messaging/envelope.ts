// A message on the wire: CloudEvents 1.0 in structured JSON, its attributes mirrored in the AMQP properties.

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

/** What made a message: the id of the message or request behind it, and the trace it belongs to. */
export interface Cause extends Trace {
  causationId?: string | undefined
}

/** A type or version that nobody here knows, or hears: a successor may. */
export class UnknownContractError extends PermanentError {
  readonly source: string
  readonly dataschema: string
  constructor(code: string, message: string, { source, dataschema }: { source: string; dataschema: unknown }) {
    super(code, message)
    this.source = source
    this.dataschema = String(dataschema).slice(0, 200)
  }
}

export const BODY_MAX_BYTES = 1_048_576
const PRIORITY_MAX = 255
/** Every message says one: a quorum queue with strict priorities would let those without starve (RabbitMQ 4.3). */
const PRIORITY_DEFAULT = 4
const EXPIRATION_MAX_MS = 4_294_967_295
const CONTENT_TYPE = 'application/cloudevents+json'

/**
 * Encodes and validates: a message that breaks its own contract is never recorded, let alone sent.
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

/** That of the span that creates it, where spans are made. */
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

/** The same message with other data, which the contract is not asked about: what is sealed is no longer as it was typed. */
export function withData(publication: Publication, contract: AnyContract, message: Message): Publication {
  const envelope = envelopeOf(contract, message, publication.properties.appId ?? '')
  return { ...publication, body: Buffer.from(JSON.stringify(envelope)) }
}

/** Why AMQP or a consumer would refuse it. Once in the outbox, such a message could neither leave nor be forgotten. */
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

/** The envelope alone, of any type and version: enough for whoever keeps every message and acts on none. */
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

/** Opens what is sealed of a message's data, and says whether its owner is forgotten. */
export type Open = (personal: PersonalFields, message: Received) => Pick<Received, 'data' | 'isForgotten'>

/**
 * Decodes, validates against the version of the contract that it names, and reads it as the newest; unknown fields are ignored.
 * Without `open`, what is sealed stays so.
 *
 * @throws what `open` does; PermanentError `too_large`, `undecodable`, `not_a_cloudevent`, `unknown_type`, `unknown_version`, `invalid_data`
 */
export function decode({ contracts }: Registry, delivery: Arrived, open?: Open): Received {
  const { received: sealed, envelope: wire } = read(delivery)
  const contract = contracts.get(sealed.type)
  const told = { source: sealed.source, dataschema: wire.dataschema }
  if (!contract) throw new UnknownContractError('unknown_type', `no contract for type ${sealed.type}`, told)
  const reader = contract.readers.get(String(wire.dataschema))
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

/** Half a character or U+0000, which a JSON text can hold by their escapes, and no database keeps as they are. */
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

/** Whether every text in it is whole Unicode: that of JSON, and what it says. */
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

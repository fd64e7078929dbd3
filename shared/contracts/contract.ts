// What a contract is: one version of one message type, its data's schema and where it is published.
import { type Static, type TObject, type TProperties, type TSchema, Type } from 'typebox'
import { Compile, type Validator } from 'typebox/compile'
import { Instant } from './shapes.ts'

/** A message ready to be recorded in the outbox. Plain data: the kernel adds source, trace and encoding. */
export interface Message<Data = unknown> {
  /** Deterministic, `<subject>/<type>[/<detail>]`: the same fact has the same id, whoever repeats it. */
  id: string
  type: string
  version: number
  subject: string
  time: string
  data: Data
  /** `''` is the default exchange, whose routing key is a queue of the publishing service itself. */
  exchange: string
  routingKey: string
  priority?: number
  /** Milliseconds until the broker dead-letters it: how a timer comes back. */
  expirationMs?: number
  /** The service owes it to itself: kept as a row and handled until it is done, without the broker. */
  isTask?: boolean
}

/** A message as a consumer gets it: a CloudEvents 1.0 envelope whose data fits the contract. */
export interface Received<Data = unknown> {
  id: string
  source: string
  type: string
  subject: string
  time: string
  data: Data
}

interface Options {
  /** Added to the id where one type can happen more than once to a subject. */
  detail?: string
  priority?: number
}

/** What is known of a contract whatever its data. */
export interface AnyContract {
  type: string
  version: number
  exchange: string
  summary: string
  /** The schema of the whole envelope, for documents and for validation. */
  schema: TSchema
  /** CloudEvents `dataschema`: names type and version, so that a consumer can refuse a version it does not know. */
  dataschema: string
  validator(): Validator
}

export interface Contract<Data = unknown> extends AnyContract {
  of(subject: string, time: string, data: Data, options?: Options): Message<Data>
}

interface Definition<Data extends TProperties> {
  version?: number
  summary: string
  data: TObject<Data>
  /** Where it goes; without it, the topic exchange of the type's first word with the type as routing key. */
  route?: (data: Static<TObject<Data>>) => { exchange: string; routingKey: string }
}

/** Defines a fact that others hear of, published to `<noun>.exchange` with its type as the routing key. */
export function event<Data extends TProperties>(
  type: string,
  { version = 1, summary, data, route }: Definition<Data>,
): Contract<Static<TObject<Data>>> {
  const exchange = `${type.slice(0, type.indexOf('.'))}.exchange`
  const byType = { exchange, routingKey: type }
  return {
    ...described(type, version, summary, data),
    exchange,
    of: (subject, time, content, options) => ({
      ...addressed(type, version, subject, time, content, options),
      ...(route ? route(content) : byType),
    }),
  }
}

/** Of a service to itself. */
export interface CommandContract<Data = unknown> extends AnyContract {
  of(subject: string, time: string, data: Data, options?: Options & { delayMs?: number }): Message<Data>
}

interface CommandDefinition<Data extends TProperties> {
  /** The service's own; of a timer, the queue in which it waits. */
  queue: string
  summary: string
  data: TObject<Data>
  version?: number
}

/** Defines a timer: a message of a service to itself that waits in a queue for its `delayMs`. */
export function timer<Data extends TProperties>(
  type: string,
  { queue, summary, data, version = 1 }: CommandDefinition<Data>,
): CommandContract<Static<TObject<Data>>> {
  return {
    ...described(type, version, summary, data),
    exchange: '',
    of: (subject, time, content, options) => ({
      ...addressed(type, version, subject, time, content, options),
      exchange: '',
      routingKey: queue,
      ...(options?.delayMs === undefined ? {} : { expirationMs: options.delayMs }),
    }),
  }
}

/** Defines what a service owes the outside world, or itself: a row from the commit that decides it until it is done. */
export function task<Data extends TProperties>(
  type: string,
  { queue, summary, data, version = 1 }: CommandDefinition<Data>,
): CommandContract<Static<TObject<Data>>> {
  return {
    ...described(type, version, summary, data),
    exchange: '',
    of: (subject, time, content, options) => ({
      ...addressed(type, version, subject, time, content, options),
      exchange: '',
      routingKey: queue,
      isTask: true,
    }),
  }
}

function addressed<Data>(
  type: string,
  version: number,
  subject: string,
  time: string,
  data: Data,
  options: Options = {},
) {
  const id = options.detail === undefined ? `${subject}/${type}` : `${subject}/${type}/${options.detail}`
  return {
    id,
    type,
    version,
    subject,
    time,
    data,
    ...(options.priority === undefined ? {} : { priority: options.priority }),
  }
}

function described(type: string, version: number, summary: string, data: TObject) {
  const dataschema = dataschemaOf(type, version)
  const schema = Type.Object({
    specversion: Type.Literal('1.0'),
    id: Type.String({ minLength: 1, maxLength: 400 }),
    source: Type.String({ minLength: 1, maxLength: 200 }),
    type: Type.Literal(type),
    subject: Type.String({ minLength: 1, maxLength: 200 }),
    time: Instant,
    datacontenttype: Type.Optional(Type.String()),
    dataschema: Type.Literal(dataschema),
    data,
  })
  let compiled: Validator | undefined
  const validator = () => {
    // Compiled on first use: a service needs only the handful of contracts it hears or says.
    compiled ??= Compile(schema)
    return compiled
  }
  return { type, version, summary, schema, dataschema, validator }
}

/** The `dataschema` attribute of a type and version, for example `urn:orders:order.created:1`. */
export function dataschemaOf(type: string, version: number): string {
  return `urn:orders:${type}:${version}`
}

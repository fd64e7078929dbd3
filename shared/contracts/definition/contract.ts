// Defines what a contract is: one message type with its schema, its earlier readable versions, and its route. A domain owns its
// contracts and passes them to the kernel in a registry.
import { type Static, type TObject, type TProperties, type TSchema, Type } from 'typebox'
import { Compile, type Validator } from 'typebox/compile'
import { Instant } from './calendar.ts'
import { type PersonalFields, personalFieldsOf } from './personal.ts'

/** A message to be recorded in the outbox. Plain data: the kernel adds source, trace and encoding. */
export interface Message<Data = unknown> {
  /** Deterministic, `<subject>/<type>[/<detail>]`: a repeated fact has the same id. */
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
  /** Milliseconds until the broker dead-letters it. This is how a timer comes back. */
  expirationMs?: number
  /** A task: stored as a row and handled until it is done, without the broker. */
  isTask?: boolean
}

/** A message as a consumer receives it: a CloudEvents 1.0 envelope whose data fits the contract. */
export interface Received<Data = unknown> {
  id: string
  source: string
  type: string
  subject: string
  time: string
  data: Data
  /** The owner of its personal data is forgotten: optional fields are missing, and required fields say `forgotten`. */
  isForgotten?: true
}

interface Options {
  /** Added to the id if a type can happen more than once to a subject. */
  detail?: string
  priority?: number
}

/** The part of a contract that does not depend on its data type. */
export interface AnyContract {
  type: string
  version: number
  exchange: string
  summary: string
  /** The schema of the whole envelope, for documents and for validation. */
  schema: TSchema
  /** CloudEvents `dataschema`: names type and version, so that a consumer recognises what it cannot read. */
  dataschema: string
  validator(): Validator
  /** Where a message with this data is published. `''` is the default exchange, whose routing key is a queue. */
  routeOf(data: unknown): { exchange: string; routingKey: string }
  /** The readable versions by their dataschema, including this one. */
  readers: ReadonlyMap<string, Reader>
  /** The personal fields of its data; undefined if there are none. */
  personal: PersonalFields | undefined
  /** The owner whose key encrypts the personal fields; undefined if the data names none. */
  ownerOf(data: unknown): string | undefined
}

/** Reads one version of a message as the newest version. */
export interface Reader {
  validator(): Validator
  /** The personal fields of that version. */
  personal: PersonalFields | undefined
  /** Converts that version's data to the newest (an "upcaster"). The newest version has none. */
  up?: (data: unknown) => unknown
}

/** An earlier version, needed as long as a message of it may still arrive. */
export interface Earlier<Data> {
  version: number
  data: TObject
  // The parameter is `never`, so that each upcaster can declare the shape of its schema.
  up(data: never): Data
}

export interface Contract<Data = unknown> extends AnyContract {
  of(subject: string, time: string, data: Data, options?: Options): Message<Data>
}

interface Definition<Data extends TProperties> {
  version?: number
  summary: string
  data: TObject<Data>
  earlier?: readonly Earlier<Static<TObject<Data>>>[]
  /** Computes the route. By default the exchange of the type's first word, with the type as routing key. */
  route?: (data: Static<TObject<Data>>) => { exchange: string; routingKey: string }
}

/** A message of a service to itself. */
export interface CommandContract<Data = unknown> extends AnyContract {
  of(subject: string, time: string, data: Data, options?: Options & { delayMs?: number }): Message<Data>
}

interface CommandDefinition<Data extends TProperties> {
  /** The service's own queue; for a timer, the queue in which it waits. */
  queue: string
  summary: string
  data: TObject<Data>
  version?: number
}

/** An RPC question and its answer. */
export interface RpcContract<Request = unknown, Reply = unknown> {
  type: string
  queue: string
  summary: string
  requestSchema: TObject
  replySchema: TObject
  request(): Validator
  reply(): Validator
  /** Exists only in the type. */
  shape?: { request: Request; reply: Reply }
}

interface RpcDefinition<Q extends TProperties, R extends TProperties> {
  queue: string
  summary: string
  request: TObject<Q>
  reply: TObject<R>
}

/**
 * The functions by which a domain defines contracts. A dataschema is `urn:<name>:<type>:<version>`. `owner` is the field with
 * the owner of personal data.
 */
export function contractsOf(name: string, owner?: string) {
  const dataschemaOf = (type: string, version: number) => `urn:${name}:${type}:${version}`

  function ownerOf(data: unknown): string | undefined {
    const value = owner === undefined ? undefined : (data as Record<string, unknown> | null)?.[owner]
    return typeof value === 'string' ? value : undefined
  }

  function described<Data>(
    type: string,
    {
      version = 1,
      summary,
      data,
      earlier = [],
    }: Pick<Definition<TProperties>, 'version' | 'summary'> & { data: TObject; earlier?: readonly Earlier<Data>[] },
  ): Omit<AnyContract, 'routeOf'> {
    const dataschema = dataschemaOf(type, version)
    const schema = envelopeOf(type, dataschema, data)
    const validator = compiledOnce(schema)
    const personal = personalFieldsOf(data)
    const readers = new Map<string, Reader>([
      [dataschema, { validator, personal }],
      ...earlier.map((one): [string, Reader] => {
        const past = dataschemaOf(type, one.version)
        // Decoding edge: called only with data that this version's schema accepted.
        return [
          past,
          {
            validator: compiledOnce(envelopeOf(type, past, one.data)),
            personal: personalFieldsOf(one.data),
            up: one.up as Reader['up'] & object,
          },
        ]
      }),
    ])
    return { type, version, summary, schema, dataschema, validator, readers, personal, ownerOf, exchange: '' }
  }

  function toItself<Data extends TProperties>(
    type: string,
    definition: CommandDefinition<Data>,
    isTask: boolean,
  ): CommandContract<Static<TObject<Data>>> {
    const { queue, version = 1 } = definition
    const route = { exchange: '', routingKey: queue }
    return {
      ...described(type, definition),
      routeOf: () => route,
      of: (subject, time, content, options) => ({
        ...addressed(type, version, subject, time, content, options),
        ...route,
        ...(isTask && { isTask }),
        ...(options?.delayMs === undefined ? {} : { expirationMs: options.delayMs }),
      }),
    }
  }

  return {
    /** A fact for other services, published to `<noun>.exchange` with its type as routing key. */
    event<Data extends TProperties>(type: string, definition: Definition<Data>): Contract<Static<TObject<Data>>> {
      const { version = 1, route } = definition
      const exchange = `${type.slice(0, type.indexOf('.'))}.exchange`
      const byType = { exchange, routingKey: type }
      // Decoding edge: the message was validated when it was created.
      const routeOf = (content: unknown) => route?.(content as Static<TObject<Data>>) ?? byType
      return {
        ...described(type, definition),
        exchange,
        routeOf,
        of: (subject, time, content, options) => ({
          ...addressed(type, version, subject, time, content, options),
          ...routeOf(content),
        }),
      }
    },
    /** A message of a service to itself that waits in a queue for its `delayMs`. */
    timer: <Data extends TProperties>(type: string, definition: CommandDefinition<Data>) =>
      toItself(type, definition, false),
    /** Work that a service owes an outside system or itself: a row from the commit that decides it until it is done. */
    task: <Data extends TProperties>(type: string, definition: CommandDefinition<Data>) =>
      toItself(type, definition, true),
    rpc<Q extends TProperties, R extends TProperties>(
      type: string,
      { queue, summary, request, reply }: RpcDefinition<Q, R>,
    ): RpcContract<Static<TObject<Q>>, Static<TObject<R>>> {
      return {
        type,
        queue,
        summary,
        requestSchema: request,
        replySchema: reply,
        request: compiledOnce(request),
        reply: compiledOnce(reply),
      }
    },
  }
}

function envelopeOf(type: string, dataschema: string, data: TObject): TObject {
  return Type.Object({
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
}

/** Compiles at first use, since a service needs only the few contracts that it hears or says. */
function compiledOnce(schema: TObject): () => Validator {
  let compiled: Validator | undefined
  return () => {
    compiled ??= Compile(schema)
    return compiled
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

// Generated messages for every queue that a consumer reads: garbage, forgeries, and good envelopes with wild contents.
import { type AnyContract, commands, events, rpcs, topology } from '@orders/shared/contracts'
import type { Options } from 'amqplib'
import fc from 'fast-check'
import { fitting, hostileBytes, hostileText, hostileValue, KNOWN_IDS, nearlyFitting } from './values.ts'

export interface Shell {
  body: Buffer
  options: Options.Publish
}

const dead = (queue: string) => queue.replace(/\.queue$/, '.dlq')

/** Those with dead letters of their own, which is what makes a queue one that a service consumes. */
export const consumedQueues = topology.queues
  .map(({ name }) => name)
  .filter((name) => topology.queues.some((other) => other.name !== name && other.name === dead(name)))

/** Where messages wait for their expiration and then return to a service. */
export const timerQueues = topology.queues
  .filter(
    ({ name, arguments: { 'x-dead-letter-routing-key': home } }) =>
      home !== undefined && !consumedQueues.includes(name),
  )
  .map(({ name }) => name)

const all: AnyContract[] = [...events.values(), ...commands.values()]

/** What the queue is bound for or gets from its own service; anything at all for the audit. */
function heardIn(queue: string): AnyContract[] {
  const patterns = topology.bindings.filter(({ destination }) => destination === queue).map(({ pattern }) => pattern)
  const own = queue.split('.')[0] ?? ''
  const heard = all.filter(
    ({ type }) =>
      patterns.some((pattern) => pattern === type || pattern.startsWith(`${type}.`)) ||
      (commands.has(type) && type.startsWith(`${own}.`)),
  )
  return heard.length > 0 ? heard : all
}

const subject = fc.oneof(
  { weight: 3, arbitrary: fc.constantFrom(...KNOWN_IDS) },
  { weight: 2, arbitrary: fc.stringMatching(/^[a-z0-9]{1,20}$/) },
  { weight: 1, arbitrary: hostileText },
)

function envelopeOf(contract: AnyContract): fc.Arbitrary<Buffer> {
  const { properties } = contract.schema as { properties?: { data?: object } }
  const schema = properties?.data ?? {}
  const data = fc.oneof(
    { weight: 3, arbitrary: fitting(schema) },
    { weight: 2, arbitrary: nearlyFitting(schema) },
    { weight: 1, arbitrary: hostileValue },
  )
  const usually = (value: unknown) =>
    fc.oneof({ weight: 12, arbitrary: fc.constant(value) }, { weight: 1, arbitrary: hostileValue })
  return fc
    .record({
      specversion: usually('1.0'),
      id: subject.map((name) => `${name}/${contract.type}`),
      source: usually('/fuzz-service'),
      type: usually(contract.type),
      subject,
      time: usually('2026-11-21T08:00:00.000Z'),
      dataschema: usually(contract.dataschema),
      data,
    })
    .map((envelope) => Buffer.from(JSON.stringify(envelope) ?? ''))
}

function questions(): fc.Arbitrary<Shell> {
  return fc
    .constantFrom(...rpcs)
    .chain(({ type, requestSchema }) =>
      fc
        .oneof(fitting(requestSchema), nearlyFitting(requestSchema), hostileValue)
        .map((request) => ({ type, request })),
    )
    .map(({ type, request }) => ({ body: Buffer.from(JSON.stringify(request) ?? ''), options: { type } }))
}

const BODY_MAX_BYTES = 1_048_576
const huge = fc.constantFrom(BODY_MAX_BYTES, BODY_MAX_BYTES + 1).map((bytes) => Buffer.alloc(bytes, '{"a":1} '))

const header = fc.oneof(
  fc.constantFrom<unknown>(0, -1, 1, 4, 5, 1e15, -1e15, 0.5, '4', 'many', '', true, null, [], {}, ['x'], { x: 1 }),
  fc.string({ unit: 'grapheme', maxLength: 30 }),
)
const HEADERS = ['attempt', 'delay', 'traceparent', 'causation-id', 'history', 'queue', 'service', 'error-code']
const headers = fc.oneof(
  { weight: 3, arbitrary: fc.constant({}) },
  { weight: 4, arbitrary: fc.dictionary(fc.constantFrom(...HEADERS), header, { maxKeys: 4 }) },
  {
    weight: 2,
    arbitrary: fc.constantFrom<Record<string, unknown>>(
      { 'x-death': [{ count: 99, reason: 'rejected', queue: 'order.queue' }] },
      { 'x-death': 'nonsense', 'x-delivery-count': 7 },
      { history: '[{"at":1,"attempt":2,"error":3}]' },
      { history: `[${'['.repeat(2_000)}` },
      { huge: 'x'.repeat(30_000) },
      { many: Array(2_000).fill('x') },
      { traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01' },
    ),
  },
)
const short = fc.oneof(
  fc.constantFrom('', 'known/order.created', 'x'.repeat(255), 'é'.repeat(127), '\u0000'),
  fc.string({ maxLength: 40 }),
)
/** Each property as often missing as wild. An expiration long enough never to be met: it must not follow the copy. */
const properties: fc.Arbitrary<Options.Publish> = fc.record(
  {
    messageId: short,
    type: fc.oneof(short, fc.constantFrom(...events.keys())),
    appId: short,
    correlationId: short,
    replyTo: fc.constantFrom('', 'nowhere', 'order.queue.of.nobody', 'x'.repeat(255)),
    contentType: fc.constantFrom('', 'text/plain', 'application/cloudevents+json', 'application/json; charset=utf-16'),
    contentEncoding: fc.constantFrom('gzip', 'nonsense'),
    priority: fc.integer({ min: 0, max: 255 }),
    expiration: fc.constantFrom('600000', '4294967295'),
    timestamp: fc.constantFrom(0, 1, 2 ** 31, 2 ** 53 - 1),
    persistent: fc.boolean(),
    headers,
  },
  { requiredKeys: ['headers'] },
)

export function shellsFor(queue: string): fc.Arbitrary<Shell> {
  const contracts = fc.constantFrom(...heardIn(queue))
  const bodies = fc.oneof(
    { weight: 8, arbitrary: contracts.chain(envelopeOf) },
    { weight: 2, arbitrary: fc.constantFrom(...all).chain(envelopeOf) },
    { weight: 4, arbitrary: hostileBytes },
    { weight: 1, arbitrary: huge },
  )
  const letters = bodies.map((body): Shell => ({ body, options: {} }))
  const shells = queue.endsWith('.rpc.queue') ? fc.oneof(questions(), letters) : letters
  return fc.tuple(shells, properties).map(([{ body, options }, wild]) => ({ body, options: { ...wild, ...options } }))
}

export { dead as deadLettersOf }

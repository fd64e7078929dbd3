// Spans along the way of a message, as an SDK would be told of them; and nothing of them while there is none.
import { describe, expect, it, onTestFinished } from 'vitest'
import { registry } from '../../contracts/index.ts'
import { encode } from '../../messaging/envelope.ts'
import { aboutMessage, beginStep } from '../../messaging/spans.ts'
import { PermanentError } from '../../runtime/errors.ts'
import { owned } from '../../storage/state.ts'
import { eventually, type RecordedSpan, recordSpans, tracing } from '../../testing/index.ts'
import { consume } from '../consumer.ts'
import type { Handler } from '../handler.ts'
import { created, notes, openKernel, publishedIds, reserved } from './kernel.ts'

const QUEUE = 'inventory.queue'
const [, TRACE, CALLER] = tracing.traceparent.split('-')

function recording(): RecordedSpan[] {
  const { spans, stop } = recordSpans()
  onTestFinished(stop)
  return spans
}

const handler = (decide: Handler['decide']): Handler => ({
  type: 'order.created',
  reads: ({ subject }) => [owned(notes, subject)],
  decide,
})
const saving = handler((event, draft) => {
  draft.set(notes, event.subject, 'handled')
  return [reserved(event.subject)]
})

/** Handles orders that a traced caller has placed, and gives the spans once all is published. */
async function handled(orders: string[], wanted = saving) {
  const kernel = await openKernel()
  const consumer = consume(kernel.kernel, { queue: QUEUE, prefetch: 10, handlers: [wanted] })
  onTestFinished(() => consumer.close())
  for (const order of orders) {
    const publication = encode(registry, created(order), 'order-service', tracing)
    await kernel.broker.publish({ ...publication, exchange: '', routingKey: QUEUE })
  }
  await eventually(
    'all is settled',
    () => kernel.outcomes.length === orders.length && kernel.outbox.pending().underWay === 0,
  )
  return kernel
}

const called = (spans: RecordedSpan[], name: string) => spans.filter((span) => span.name === name)

describe('with an SDK', () => {
  it('what creates, handles and sends messages is one trace, each the child of what it follows from', async () => {
    const spans = recording()
    const { memory } = await handled(['order-1'])
    const [create] = called(spans, 'create order.exchange')
    const [process] = called(spans, `process ${QUEUE}`)
    const [next] = called(spans, 'create inventory.exchange')
    const [send] = called(spans, 'send inventory.exchange')
    expect([create, process, next, send].map((span) => [span?.kind, span?.context.traceId, span?.parentId])).toEqual([
      ['PRODUCER', TRACE, CALLER],
      ['CONSUMER', TRACE, create?.context.spanId],
      ['PRODUCER', TRACE, process?.context.spanId],
      ['CLIENT', TRACE, next?.context.spanId],
    ])
    expect(memory.messages('payment.queue')[0]?.properties.headers).toMatchObject({
      traceparent: `00-${TRACE}-${next?.context.spanId}-01`,
      tracestate: tracing.tracestate,
    })
    expect(process?.attributes).toEqual({
      'messaging.system': 'rabbitmq',
      'messaging.operation.name': 'process',
      'messaging.operation.type': 'process',
      'messaging.destination.name': QUEUE,
      'messaging.rabbitmq.destination.routing_key': QUEUE,
      'messaging.message.id': 'order-1/order.created',
      'messaging.message.conversation_id': 'order-1',
      'messaging.message.body.size': expect.any(Number),
    })
    expect(spans.filter(({ isEnded }) => !isEnded)).toEqual([])
  })

  it('a commit is nobody’s child, and is linked to all whose work it holds', async () => {
    const spans = recording()
    await handled(['order-1', 'order-2', 'order-3'])
    const commits = called(spans, 'commit').filter(({ links }) => links.length > 0)
    const held = commits.flatMap(({ links }) => links.map(({ context }) => context.spanId))
    const processed = called(spans, `process ${QUEUE}`).map(({ context }) => context.spanId)
    expect(held.toSorted()).toEqual(processed.toSorted())
    expect(commits.map(({ parentId }) => parentId)).toEqual(commits.map(() => undefined))
    const counts = commits.map(({ attributes }) => Number(attributes['messaging.batch.message_count']))
    expect(counts.reduce((sum, count) => sum + count, 0)).toBe(3)
  })

  it('what is asked outside is a child of what handles the message, and is told which', async () => {
    const spans = recording()
    const told: unknown[] = []
    const asking = (answer: () => Promise<void>): Handler => ({
      ...saving,
      async ask(_, { trace }) {
        told.push(trace)
        await answer()
      },
    })
    await handled(
      ['order-1'],
      asking(async () => undefined),
    )
    await handled(
      ['order-2'],
      asking(async () => {
        throw new PermanentError('declined', 'no')
      }),
    )
    const asked = called(spans, 'ask for order.created')
    const processed = called(spans, `process ${QUEUE}`)
    expect(asked.map(({ kind, parentId, isEnded }) => [kind, parentId, isEnded])).toEqual(
      processed.map(({ context }) => ['CLIENT', context.spanId, true]),
    )
    expect(asked[1]).toMatchObject({ status: { code: 2 }, attributes: { 'error.type': 'declined' } })
    expect(told).toMatchObject(asked.map(({ context }) => ({ traceparent: `00-${TRACE}-${context.spanId}-01` })))
  })

  it('what fails says so, with its code', async () => {
    const spans = recording()
    await handled(
      ['order-1'],
      handler(() => {
        throw new TypeError('of undefined')
      }),
    )
    const [process] = called(spans, `process ${QUEUE}`)
    expect(process).toMatchObject({
      ...{ isEnded: true, status: { code: 2, message: 'of undefined' } },
      attributes: { 'error.type': 'TypeError' },
    })
  })
})

describe('without an SDK', () => {
  it('nobody is asked what a span would say, and the trace goes on all the same', async () => {
    const never = () => {
      throw new Error('it was asked')
    }
    expect(beginStep(never)).toBeUndefined()
    const kernel = await handled(['order-1'])
    expect(publishedIds(kernel)).toEqual(['order-1/inventory.reserved'])
    expect(kernel.memory.messages('payment.queue')[0]?.properties.headers.traceparent).toMatch(`00-${TRACE}-`)
  })
})

it.each([
  [
    { exchange: 'order.exchange', routingKey: 'order.created' },
    'order.queue',
    'order.exchange:order.created:order.queue',
  ],
  [{ exchange: 'order.exchange', routingKey: 'order.created' }, undefined, 'order.exchange:order.created'],
  [{ exchange: '', routingKey: 'order.queue' }, 'order.queue', 'order.queue'],
  [{ exchange: 'ops.exchange', routingKey: '' }, undefined, 'ops.exchange'],
])('a destination of %j is named after the conventions', (way, queue, name) => {
  const attributes = aboutMessage('process', { id: undefined, subject: undefined, ...way }, queue)
  expect(attributes['messaging.destination.name']).toBe(name)
})

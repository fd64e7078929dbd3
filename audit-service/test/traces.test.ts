// Spans are found by the order that they are about, with whatever belongs to their traces, and never fill the memory.
import { expect, it } from 'vitest'
import { keepTraces, type Span } from '../traces/kept.ts'
import { spansIn } from '../traces/otlp.ts'

const span = (traceId: string, id: string, more: Partial<Span> = {}): Span => ({
  ...{ traceId, id, parentId: null, service: 'order-service', name: 'process order.queue' },
  ...{ startMs: 0, durationMs: 1, isFailed: false, subject: undefined, links: [] },
  ...more,
})

it('an order has the spans of its traces, those that name no order among them, and commits that hold its work', () => {
  const traces = keepTraces()
  traces.add([
    span('t1', 'b', { startMs: 2, subject: 'o1', parentId: 'a' }),
    span('t2', 'x', { subject: 'o2' }),
    span('t3', 'c', {
      startMs: 3,
      name: 'commit',
      links: [
        { traceId: 't2', id: 'x' },
        { traceId: 't1', id: 'b' },
      ],
    }),
  ])
  traces.add([span('t1', 'a', { startMs: 1, name: 'POST /orders' })])
  expect(traces.about('o1').map(({ id, parentId }) => [id, parentId])).toEqual([
    ['a', null],
    ['b', 'a'],
    ['c', 'b'],
  ])
  expect(traces.about('o3')).toEqual([])
})

it('no more are held than may be: the oldest traces go first, and whole', () => {
  const traces = keepTraces(3)
  traces.add([span('t1', 'a', { subject: 'o1' }), span('t1', 'b'), span('t2', 'c', { subject: 'o2' })])
  expect(traces.about('o1')).toHaveLength(2)
  traces.add([span('t2', 'd')])
  expect(traces.about('o1')).toEqual([])
  expect(traces.about('o2')).toHaveLength(2)
})

it('reads what OTLP says in JSON', () => {
  const [one, ...others] = spansIn({
    resourceSpans: [
      {
        resource: { attributes: [{ key: 'service.name', value: { stringValue: 'payment-service' } }] },
        scopeSpans: [
          {
            spans: [
              {
                ...{ traceId: 'a'.repeat(32), spanId: 'b'.repeat(16), parentSpanId: '', name: 'process payment.queue' },
                ...{ startTimeUnixNano: '1700000000000500000', endTimeUnixNano: '1700000000002500000' },
                attributes: [{ key: 'messaging.message.conversation_id', value: { stringValue: 'o1' } }],
                links: [{ traceId: 'c'.repeat(32), spanId: 'd'.repeat(16) }],
                status: { code: 2 },
              },
            ],
          },
        ],
      },
    ],
  })
  expect(others).toEqual([])
  expect(one).toMatchObject({
    parentId: null,
    service: 'payment-service',
    isFailed: true,
    subject: 'o1',
    durationMs: 2,
  })
  expect(one?.startMs).toBeCloseTo(1_700_000_000_000.5, 3)
  expect(one?.links).toEqual([{ traceId: 'c'.repeat(32), id: 'd'.repeat(16) }])
  expect(spansIn({})).toEqual([])
})

// The whole service over the in-memory broker: wired as in production, asked over HTTP.
import { InventoryOutOfStock, PaymentSuccess, registry, topology } from '@orders/shared/contracts'
import { type Delivery, encode } from '@orders/shared/messaging'
import { type RunningService, readConfig, startService } from '@orders/shared/runtime'
import {
  createMemoryBroker,
  eventually,
  keepingLog,
  type LogLine,
  type MemoryBroker,
  scratchFolder,
  tracing,
  typesInTrace,
} from '@orders/shared/testing'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { OrderConfig } from '../../config.ts'
import { retired } from '../../handlers.ts'
import { orderService } from '../../service.ts'

const NOW = '2026-01-05T10:00:00.000Z'
let folder: { path: string; remove(): Promise<void> }
let broker: MemoryBroker
let service: RunningService
let lines: LogLine[]

beforeEach(async () => {
  folder = await scratchFolder()
  broker = createMemoryBroker(topology)
  const kept = await keepingLog()
  lines = kept.lines
  const broken = (error: Error) => expect.unreachable(error.message)
  const config = {
    ...readConfig(OrderConfig, { DATA_DIR: folder.path, OPERATOR_TOKENS: 'a-token-for-tests' }),
    port: 0,
  }
  service = await startService(orderService, config, { log: kept.log, broken, openBroker: broker.connect })
})

afterEach(async () => {
  expect(await service.close()).toEqual({ clean: true })
  await folder.remove()
})

async function place(orderId: string, headers: Record<string, string> = {}) {
  const answer = await fetch(`${service.url}/orders`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify({ orderId, user: 'gayal', items: ['item1'] }),
  })
  expect(answer.status).toBe(202)
}
const order = async (orderId: string) =>
  (await (await fetch(`${service.url}/orders/${orderId}`)).json()) as Record<string, unknown>
const isSettled = () => broker.unsettled('order.queue') + broker.messages('order.queue').length === 0

test('an order is told with the facts that it follows from, and nothing of its mails', async () => {
  await place('1')
  const paid = PaymentSuccess.of('1', NOW, {
    ...{ user: 'gayal', priority: 'standard', chargeId: 'ch_1', totalCents: 500 },
    lines: [{ sku: 'item1', quantity: 1, unitPriceCents: 500 }],
  })
  await broker.connect('others').publish(encode(registry, paid, 'payment-service', {}))
  const told = await eventually('it is paid', async () => {
    const now = await order('1')
    return now.status === 'paid' && now
  })
  expect(Object.keys(told).sort()).toEqual(
    [
      'orderId',
      'user',
      'customerId',
      'status',
      'reason',
      'priority',
      'lines',
      'totalCents',
      'currency',
      'trackingId',
      'carrier',
      'trackingUrl',
      'cancellation',
      'refundedCents',
      'refunds',
      'createdAt',
      'updatedAt',
    ]
      .concat('facts')
      .sort(),
  )
  expect(told.facts).toMatchObject([{ type: 'order.created' }, { type: 'payment.success' }])
})

test.each(retired)('%s, which an earlier version heard, is settled, and nothing happens', async (type) => {
  await place('1')
  const before = await order('1')
  const body = Buffer.from(JSON.stringify({ type, subject: '1' }))
  const properties = { messageId: `1/${type}`, type, correlationId: '1', headers: {} }
  await broker.connect('others').publish({ exchange: '', routingKey: 'order.queue', body, properties })

  await eventually('it is settled', isSettled)

  expect(broker.messages('order.dlq')).toEqual([])
  expect(await order('1')).toEqual(before)
  expect(lines.filter(({ level }) => level > 30)).toEqual([])
})

test('what a request says is a step of its caller’s trace', async () => {
  await place('1', tracing)
  await fetch(`${service.url}/orders/1/cancel`, { method: 'POST', headers: tracing })
  await eventually('both are said', () => broker.messages('audit.queue').length === 2)
  expect(typesInTrace(broker.messages('audit.queue'))).toEqual(['order.created', 'order.cancel_requested'])
})

test('a sold-out order has no payment, to whoever asks for it and to whoever confirms it, and payment is not asked', async () => {
  await place('1')
  const soldOut = InventoryOutOfStock.of('1', NOW, { missing: [{ sku: 'item1', quantity: 1, available: 0 }] })
  await broker.connect('others').publish(encode(registry, soldOut, 'inventory-service', {}))
  await eventually('it is cancelled', async () => (await order('1')).status === 'cancelled')
  const answers = await Promise.all([
    fetch(`${service.url}/orders/1/payment`),
    fetch(`${service.url}/orders/1/payment/confirm`, { method: 'POST' }),
  ])
  const [shown, confirmed] = await Promise.all(answers.map((answer) => answer.json()))
  expect(shown).toMatchObject({ status: 404, code: 'no_payment' })
  expect(confirmed).toEqual(shown)
  expect(broker.messages('payment.rpc.queue')).toEqual([])
})

test('a question to payment is a step of its caller’s trace', async () => {
  await place('1')
  const asked: Delivery[] = []
  const payment = broker.connect('payment-service')
  payment.subscribe('payment.rpc.queue', 1, (question) => {
    asked.push(question)
    const refusal = { ok: false, status: 404, code: 'no_payment_yet', message: 'not yet' }
    payment.reply(question, Buffer.from(JSON.stringify(refusal)))
    question.ack()
  })
  await fetch(`${service.url}/orders/1/payment`, { headers: tracing })
  await fetch(`${service.url}/orders/1/payment/confirm`, { method: 'POST', headers: tracing })
  expect(typesInTrace(asked)).toEqual(['payment.get', 'payment.confirm'])
})

test('the metrics tell how many orders are open, by status, and how old the oldest is', async () => {
  await place('1')
  const text = await (await fetch(`${service.url}/metrics`)).text()
  expect(text).toContain('orders_open{status="created",service="order-service"} 1\n')
  expect(text).toContain('orders_open{status="shipped",service="order-service"} 0\n')
  expect(text).toMatch(/^orders_open_oldest_seconds\{status="created",service="order-service"\} \d/m)
})

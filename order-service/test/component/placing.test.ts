// Orders at the price that the customer has seen: what inventory is asked, and what the customer is told.
import { topology } from '@orders/shared/contracts'
import type { Broker, Delivery } from '@orders/shared/messaging'
import { type RunningService, readConfig, startService, TransientError } from '@orders/shared/runtime'
import { createMemoryBroker, keepingLog, type MemoryBroker, scratchFolder } from '@orders/shared/testing'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { OrderConfig } from '../../config.ts'
import { orderService } from '../../service.ts'

let folder: { path: string; remove(): Promise<void> }
let broker: MemoryBroker
let service: RunningService
let inventory: Broker
/** What inventory was asked, and the price it gives; undefined: it answers nothing. */
let asked: unknown[]
let unitPriceCents: number | undefined
let isAway: boolean

beforeEach(async () => {
  folder = await scratchFolder()
  broker = createMemoryBroker(topology)
  const { log } = await keepingLog()
  const broken = (error: Error) => expect.unreachable(error.message)
  const environment = { DATA_DIR: folder.path, OPERATOR_TOKENS: 'a-token-for-tests', RPC_TIMEOUT_MS: '20000' }
  const config = { ...readConfig(OrderConfig, environment), port: 0 }
  isAway = false
  service = await startService(orderService, config, { log, broken, openBroker })
  asked = []
  unitPriceCents = 1_000
  inventory = broker.connect('inventory-service')
  inventory.subscribe('inventory.rpc.queue', 1, quote)
})

afterEach(async () => {
  expect(await service.close()).toEqual({ clean: true })
  await folder.remove()
})

/** As a service sees its broker, which may be away; what nobody answers is over soon. */
function openBroker(name: string): Broker {
  const connected = broker.connect(name)
  return {
    ...connected,
    async request(queue, question, timeoutMs) {
      if (isAway) throw new TransientError('broker_unavailable', 'not connected to the broker')
      return connected.request(queue, question, unitPriceCents === undefined ? 50 : timeoutMs)
    },
  }
}

function quote(question: Delivery): void {
  const { lines } = JSON.parse(question.body.toString()) as { lines: { sku: string; quantity: number }[] }
  asked.push({ type: question.properties.type, lines })
  question.ack()
  if (unitPriceCents === undefined) return
  const price = unitPriceCents
  const unknownSkus = lines.map(({ sku }) => sku).filter((sku) => sku === 'unicorn')
  const priced = lines.map((line) => ({ ...line, unitPriceCents: price }))
  const totalCents = priced.reduce((sum, { quantity }) => sum + quantity * price, 0)
  const reply = { lines: priced, totalCents, currency: 'CHF', unknownSkus }
  inventory.reply(question, Buffer.from(JSON.stringify({ ok: true, reply })))
}

async function place(order: object, headers: Record<string, string> = {}) {
  const answer = await fetch(`${service.url}/orders`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify({ orderId: '1', user: 'gayal', items: [{ sku: 'item1', quantity: 2 }], ...order }),
  })
  return { status: answer.status, body: (await answer.json()) as Record<string, unknown> }
}
const isPlaced = async (orderId = '1') => (await fetch(`${service.url}/orders/${orderId}`)).status === 200

test('an order at its price is taken', async () => {
  expect(await place({ expectedTotalCents: 2_000 })).toMatchObject({ status: 202, body: { status: 'created' } })
  expect(asked).toEqual([{ type: 'inventory.quote', lines: [{ sku: 'item1', quantity: 2 }] }])
})

test('an order at another price is refused with both, nothing is recorded, and the new price may be agreed to', async () => {
  const key = { 'idempotency-key': 'k1' }
  expect(await place({ expectedTotalCents: 1_900 }, key)).toEqual({
    status: 409,
    body: {
      type: 'urn:problem:price_changed',
      title: 'Conflict',
      status: 409,
      code: 'price_changed',
      detail: expect.stringContaining('2000 cents CHF'),
      expectedTotalCents: 1_900,
      totalCents: 2_000,
      currency: 'CHF',
    },
  })
  expect(await isPlaced()).toBe(false)
  expect(broker.messages('inventory.queue')).toEqual([])
  expect(await place({ expectedTotalCents: 2_000 }, key)).toMatchObject({ status: 202 })
})

test('goods that nobody knows are refused by name', async () => {
  const refusal = await place({ items: ['item1', 'unicorn'], expectedTotalCents: 2_000 })
  expect(refusal).toMatchObject({ status: 409, body: { code: 'unknown_sku', unknownSkus: ['unicorn'] } })
  expect(await isPlaced()).toBe(false)
})

test('an order that exists is answered as it was, whatever the price is now, and nobody is asked', async () => {
  const key = { 'idempotency-key': 'k1' }
  const first = await place({ expectedTotalCents: 2_000 }, key)
  unitPriceCents = 5
  asked = []
  expect(await place({ expectedTotalCents: 2_000 }, key)).toEqual(first)
  expect(await place({ expectedTotalCents: 2_000 })).toEqual(first)
  expect(await place({ orderId: undefined, expectedTotalCents: 2_000 }, key)).toMatchObject({
    status: 422,
    body: { code: 'idempotency_key_reused' },
  })
  expect(await place({ expectedTotalCents: 10 }, key)).toMatchObject({ status: 422 })
  expect(await place({ expectedTotalCents: 10 })).toMatchObject({ status: 409, body: { code: 'order_exists' } })
  expect(await place({})).toMatchObject({ status: 409, body: { code: 'order_exists' } })
  expect(asked).toEqual([])
})

test('two requests at once that are the same are one order', async () => {
  const answers = await Promise.all([place({ expectedTotalCents: 2_000 }), place({ expectedTotalCents: 2_000 })])
  expect(answers.map(({ status }) => status)).toEqual([202, 202])
  expect(answers[0]).toEqual(answers[1])
})

test.each(['inventory', 'the broker'])('while %s is away it is refused with what to do', async (away) => {
  unitPriceCents = undefined
  isAway = away === 'the broker'
  expect(await place({ expectedTotalCents: 2_000 })).toMatchObject({
    status: 504,
    body: { code: 'no_answer_in_time', detail: expect.stringContaining('without expectedTotalCents') },
  })
  expect(await isPlaced()).toBe(false)
})

test('without an expected price nobody is asked', async () => {
  isAway = true
  expect(await place({})).toMatchObject({ status: 202 })
  expect(asked).toEqual([])
})

test.each(['z@b.test/evil', 'z@b.test:25', 'z@0x7f.1', '"z"@b.test'])(
  'an order cannot be told to %s',
  async (email) => {
    expect(await place({ contact: { email } })).toMatchObject({
      status: 400,
      body: { code: 'bad_address', errors: [{ field: 'contact.email' }] },
    })
    expect(await isPlaced()).toBe(false)
  },
)

test.each([-1, 1.5, '2000', null])('an expected total of %s is no amount', async (expectedTotalCents) => {
  expect(await place({ expectedTotalCents })).toMatchObject({
    status: 400,
    body: { errors: [{ field: 'expectedTotalCents' }] },
  })
})

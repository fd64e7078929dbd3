// What a group of messages costs each service in statements: a fixed handful, however many they are and whatever they are about.
import { join } from 'node:path'
import {
  type CommandContract,
  type Contract,
  InventoryReserved,
  OrderCancelRequested,
  OrderCreated,
  PaymentSuccess,
  registry,
  ShippingFailed,
  ShippingTransit,
  topology,
} from '@orders/shared/contracts'
import { createGroupCommit, createOutbox, type Handler } from '@orders/shared/messaging'
import { migrate, openSqlite } from '@orders/shared/storage'
import { createMemoryBroker, keepingLog, scratchFolder } from '@orders/shared/testing'
import { expect, it, onTestFinished } from 'vitest'
import { defaultCatalogue } from '../../inventory-service/catalogue.ts'
import { handlers as inventory } from '../../inventory-service/handlers.ts'
import { addMissing } from '../../inventory-service/store.ts'
import { handlers as order, placeOrder } from '../../order-service/handlers.ts'
import type { Gateway } from '../../payment-service/gateway.ts'
import { handlers as payment } from '../../payment-service/handlers.ts'
import { handlers as shipping } from '../../shipping-service/handlers.ts'

const NOW = '2026-11-21T08:00:00.000Z'
/** When every timer is due. */
const LATER = '2999-01-01T00:00:00.000Z'
const now = () => new Date(NOW)
const root = join(import.meta.dirname, '..', '..')
const customer = { user: 'gayal', priority: 'standard' as const }
const skus = ['item1', 'item2', 'item3', 'item4', 'item5', 'item6', 'item7', 'item8']
/** Begin, two loads, three saves, what is said, what is forgotten, commit. */
const STATEMENTS_MAX = 9

interface Step {
  contract: Contract | CommandContract
  data: object
  answer?: unknown
}

/** Everything that a service needs to decide about messages, over a database of its own. */
async function opened(service: string) {
  const folder = await scratchFolder()
  const database = openSqlite(join(folder.path, 'test.db'))
  await migrate(database, [join(root, 'shared/storage/migrations'), join(root, `${service}-service/migrations`)])
  const { log } = await keepingLog()
  const broker = createMemoryBroker(topology).connect(service)
  const outbox = createOutbox({ database, broker, log, now })
  const groups: number[] = []
  const commit = createGroupCommit({
    database,
    outbox,
    service,
    registry,
    now,
    committed: (members) => groups.push(members),
  })
  onTestFinished(async () => {
    await commit.close()
    await outbox.close()
    await database.close()
    await folder.remove()
  })
  /** Decided by one group: how many statements that took. */
  async function spentBy(submit: () => Promise<unknown>[]): Promise<number> {
    const before = { statements: database.spent.statements, groups: groups.length }
    await Promise.all(submit())
    expect(groups.length - before.groups).toBe(1)
    return database.spent.statements - before.statements
  }
  const hearing = (all: Handler[], { contract: { type }, data, answer }: Step, subjects: string[]) => {
    const handler = all.find((one) => one.type === type)
    if (!handler) throw new Error(`${service} does not hear ${type}`)
    return subjects.map((subject) => {
      const event = { id: `${subject}/${type}`, source: '/test', type, subject, time: NOW, data }
      return commit.submit({
        reads: (known) => handler.reads(event, known),
        decide(draft) {
          const context = { now: /deadline|transit/.test(type) ? LATER : NOW, attempt: 1, redelivered: false }
          return { result: undefined, messages: handler.decide(event, draft, context, answer) }
        },
      })
    })
  }
  return { database, commit, spentBy, hearing }
}

const priced = { lines: [{ sku: 'item1', quantity: 1, unitPriceCents: 500 }], totalCents: 500 }
/** Their answers are given beside the messages. */
const nobody = () => expect.unreachable('nobody is asked')
const gateway: Gateway = { charge: nobody, void: nobody, refund: nobody, lookup: nobody, close: () => undefined }

const TABLES: Record<string, string> = {
  order: `(select distinct order_id from facts) as orders`,
  inventory: 'reservations',
  payment: 'payments',
  shipping: 'shipments',
}

const services: { service: string; all: Handler[]; steps: Step[] }[] = [
  {
    service: 'order',
    all: order,
    steps: [
      { contract: InventoryReserved, data: { ...customer, ...priced } },
      { contract: PaymentSuccess, data: { ...customer, ...priced, chargeId: 'ch_1' } },
    ],
  },
  {
    service: 'inventory',
    all: inventory('EUR'),
    steps: [
      { contract: OrderCreated, data: { ...customer, lines: skus.map((sku) => ({ sku, quantity: 1 })) } },
      { contract: PaymentSuccess, data: {} },
      { contract: ShippingFailed, data: { reason: 'address_not_served' } },
    ],
  },
  {
    service: 'payment',
    all: payment(gateway, { confirmAboveCents: 100_000, confirmWithinMs: 60_000 }, 60_000),
    steps: [
      {
        contract: InventoryReserved,
        data: { ...customer, ...priced },
        answer: { outcome: 'charged', chargeId: 'ch_1' },
      },
      { contract: OrderCancelRequested, data: { user: 'gayal' } },
      { contract: ShippingFailed, data: { reason: 'address_not_served' } },
    ],
  },
  {
    service: 'shipping',
    all: shipping({ book: nobody }, { transitMs: 1_000 }, 60_000),
    steps: [
      {
        contract: PaymentSuccess,
        data: { ...customer, ...priced, chargeId: 'ch_1' },
        answer: { outcome: 'booked', trackingId: 'T1', carrier: 'post' },
      },
      { contract: ShippingTransit, data: {} },
    ],
  },
]

it.each(services)('$service-service: a group of 64 costs no more than a handful', async ({ service, all, steps }) => {
  const { database, spentBy, hearing } = await opened(service)
  if (service === 'inventory') await database.transaction((tx) => addMissing(tx, defaultCatalogue(1_000)))
  for (const count of [1, 64]) {
    const subjects = Array.from({ length: count }, (_, index) => `order-${count}-${index}`)
    for (const step of steps) {
      const spent = await spentBy(() => hearing(all, step, subjects))
      expect(spent, `${count} ${step.contract.type}`).toBeLessThanOrEqual(STATEMENTS_MAX)
    }
  }
  // The members have changed something, or there was nothing to measure.
  const rows = await database.get<{ rows: number }>(`select count(*) as rows from ${TABLES[service]}`)
  expect(rows?.rows).toBe(65)
})

it('order-service: 64 requests, each with a key of its own, cost no more either', async () => {
  const { database, commit, spentBy } = await opened('order')
  const placed = { ...customer, lines: [{ sku: 'item1', quantity: 1 }] }
  const placeAll = () =>
    Array.from({ length: 64 }, (_, index) =>
      commit.submit(placeOrder({ orderId: `order-${index}`, key: `key-${index}`, placed, at: NOW })),
    )
  // Facts, orders and keys are three tables.
  expect(await spentBy(placeAll)).toBeLessThanOrEqual(STATEMENTS_MAX)
  const repeated = await spentBy(placeAll)
  expect(repeated).toBeLessThanOrEqual(STATEMENTS_MAX)
  expect(await database.get('select count(*) as rows from orders')).toEqual({ rows: 64 })
})

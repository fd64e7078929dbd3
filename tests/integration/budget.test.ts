// What an order may cost, in counts that do not depend on the machine. A change that makes each order dearer fails here, long
// before a benchmark on a busy machine would tell.
import { eventually } from '@orders/shared/testing'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { bytesOnDisk } from '../../bench/disk.ts'
import { plainFlow } from '../../bench/flow.ts'
import { largeOrder, plainOrder } from '../../bench/place.ts'
import { count, type SpentByService, spentAnOrder, spentBy, total } from '../../bench/spent.ts'
import { type ServiceName, type System, serviceNames, startSystem } from '../support/system.ts'
import { createVhost, type Vhost } from '../support/vhost.ts'

/** The first order of a customer, with three lines, mails and SMS: a key is made for them, and kept by all. What is a maximum is a tenth above the most that was measured on 2026-11-29. */
const BUDGET = {
  /** Ten that carry the order on, its timer among them; four requests of notifications, and for each of them two that are sent. */
  publications: 22,
  /** 21 to the audit, 8 to the channels, 4 to notification-service, and 9 that carry the order on. */
  deliveries: 42,
  /** How many messages meet in a group is the machine's doing, what a group costs is ours: loaded, saved, begun, committed. */
  statementsAGroupMax: { order: 7.9, inventory: 9.8, payment: 7.8, shipping: 7.9, notification: 11, audit: 10.6 },
  /**
   * Rows are inserted 64, 32, 16 … 1 at a time, so a group of many needs some statements more for each table, and on a slow machine
   * more meet in one: twice what was measured on a quiet one. A statement for each row would be far more.
   */
  statementsALargeGroupMax: { order: 30, inventory: 28, payment: 28, shipping: 26, notification: 32, audit: 22 },
  /** A quarter above, since a faster machine keeps more messages apart. */
  statementsAloneMax: 400,
  /** Half as many at the very most: orders that come together share their groups. */
  statementsTogetherMax: 130,
  /**
   * Pages of all databases, of which the notifications’ are two fifths. How many events meet in a block, and are packed well, is the
   * machine's doing: this is what an order takes when none do. Blocks of one size have a budget in audit-service's disk.test.ts.
   */
  bytesMax: 12_288,
}

/** Those that an order's way leads through; what others do beside it costs what it costs. */
const budgeted = serviceNames.filter((service) => service in BUDGET.statementsAGroupMax)

const ALONE = 20
const TOGETHER = 200
const copies = 1

let vhost: Vhost
let system: System

beforeAll(async () => {
  vhost = await createVhost()
  // What is looked for every second would count for more on a slow machine; what waits for a key may wait for the next look at the retries.
  system = await startSystem({
    amqpUrl: vhost.amqpUrl,
    environment: {
      ...{ RELEASE_POLL_MS: '60000', RETRY_LOOK_MS: '2000', AUDIT_CHECKPOINT_MS: '60000', AUDIT_CHECK_MS: '60000' },
      // All orders name the same customer's addresses.
      ...{ CONTACT_ADDRESSES_PER_HOUR: '0', CONTACT_ORDERS_PER_HOUR: '0' },
      LOG_LEVEL: 'info',
    },
  })
  // Who has not been answered asks again.
  for (const service of serviceNames.filter((name) => name !== 'audit'))
    await eventually(`${service} is told how far its database should be`, async () =>
      (await system.log(service)).some(({ msg }) => msg === 'the database has everything that was published'),
    )
  await placeAlone(2, plainOrder)
}, 120_000)

afterAll(async () => {
  await system?.stop()
  await vhost?.remove()
}, 60_000)

type Form = typeof plainOrder

let placed = 0
async function place(form: Form): Promise<void> {
  const orderId = `order-${String(++placed).padStart(4, '0')}`
  expect((await system.post('/orders', form(orderId, placed))).status).toBe(202)
}

/** Looks at nothing that would ask a database: what is read is counted too. */
async function placedAreDone(): Promise<void> {
  const isDone = async () => {
    const { deliveries } = total(await spentBy({ system, copies }))
    return deliveries['audit.queue order.completed'] === placed && Object.keys(await vhost.waiting()).length === 0
  }
  await eventually('nothing is left of any order', isDone, 60_000)
}

/** Each when nothing is left of the one before. */
async function placeAlone(orders: number, form: Form): Promise<void> {
  for (let order = 0; order < orders; order++) {
    await place(form)
    await placedAreDone()
  }
}

async function placeTogether(orders: number, form: Form): Promise<void> {
  await Promise.all(Array.from({ length: orders }, () => place(form)))
  await placedAreDone()
}

interface Cost {
  spent: SpentByService
  bytes: number
}

/** Of each of so many orders. */
async function costOf(orders: number, work: () => Promise<void>): Promise<Cost> {
  const look = async () => {
    const spent = await spentBy({ system, copies })
    const bytes = await bytesOnDisk({ system, databaseUrl: undefined })
    return { spent, bytes: budgeted.reduce((sum, service) => sum + bytes[service], 0) }
  }
  const before = await look()
  await work()
  const after = await look()
  return {
    spent: withinBudget(spentAnOrder(before.spent, after.spent, orders)),
    bytes: (after.bytes - before.bytes) / orders,
  }
}

/** Without other services, and without what is heard of them. */
function withinBudget(spent: SpentByService): SpentByService {
  const isBudgeted = (delivery: string) => budgeted.some((service) => delivery.includes(` ${service}.`))
  const own = budgeted.map((service) => {
    const deliveries = Object.entries(spent[service].deliveries).filter(([name]) => isBudgeted(name))
    return [service, { ...spent[service], deliveries: Object.fromEntries(deliveries) }] as const
  })
  // The cast only says that whoever reads it looks at those of the budget.
  return Object.fromEntries(own) as SpentByService
}

/** Every event is heard by the audit, and the one timer by its own service. */
function publicationsOf(deliveries: Record<string, number>): number {
  const published = Object.entries(deliveries).filter(([name]) => /^audit\.queue |\.transit$/.test(name))
  return count(Object.fromEntries(published))
}

function expectExactly(spent: SpentByService): void {
  const { deliveries } = total(spent)
  expect(publicationsOf(deliveries)).toBe(BUDGET.publications)
  // A message that overtakes the key of its customer is handled when that has come.
  expect(count(deliveries)).toBeGreaterThanOrEqual(BUDGET.deliveries)
  expect(count(deliveries)).toBeLessThan(BUDGET.deliveries * 1.02)
}

/** A line for each service whose groups cost more than they may. */
function dearer(spent: SpentByService, most: Partial<Record<ServiceName, number>>): string[] {
  return budgeted.flatMap((service) => {
    const { statements, groups } = spent[service]
    const aGroup = statements / groups
    return aGroup <= (most[service] ?? 0) ? [] : [`${service}: ${aGroup.toFixed(2)} statements a group`]
  })
}

describe('an order', () => {
  it('of one line with a mail is delivered to whom the bare choreography of the benchmark says', async () => {
    // Of a customer whose key all services have: a message that overtakes it would be handled twice.
    const { spent } = await costOf(3, () => placeAlone(3, (orderId) => plainOrder(orderId, 1)))
    const { publications, deliveries } = plainFlow()
    expect(total(spent).deliveries).toEqual(deliveries)
    expect(publicationsOf(total(spent).deliveries)).toBe(publications)
  })

  it('of three lines with mails and SMS keeps to the budget when it is alone', async () => {
    const { spent, bytes } = await costOf(ALONE, () => placeAlone(ALONE, largeOrder))
    expectExactly(spent)
    expect(dearer(spent, BUDGET.statementsAGroupMax)).toEqual([])
    expect(total(spent).statements).toBeLessThanOrEqual(BUDGET.statementsAloneMax)
    expect(bytes).toBeLessThanOrEqual(BUDGET.bytesMax)
  }, 120_000)

  it('of three lines with mails and SMS keeps to the budget when many come at once', async () => {
    const { spent, bytes } = await costOf(TOGETHER, () => placeTogether(TOGETHER, largeOrder))
    expectExactly(spent)
    expect(dearer(spent, BUDGET.statementsALargeGroupMax)).toEqual([])
    expect(total(spent).statements).toBeLessThanOrEqual(BUDGET.statementsTogetherMax)
    expect(bytes).toBeLessThanOrEqual(BUDGET.bytesMax)
  }, 120_000)
})

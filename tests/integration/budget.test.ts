// What an order may cost, in counts that do not depend on the machine. A change that makes each order dearer fails here, long
// before a benchmark on a busy machine would tell.
import { eventually } from '@orders/shared/testing'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { bytesOnDisk } from '../../bench/disk.ts'
import { plainFlow } from '../../bench/flow.ts'
import { largeOrder, plainOrder } from '../../bench/place.ts'
import { count, type SpentByService, spentAnOrder, spentBy, total } from '../../bench/spent.ts'
import { type System, startSystem } from '../support/system.ts'
import { createVhost, type Vhost } from '../support/vhost.ts'

/** For each order of three lines with mails and SMS. What is a maximum is a tenth above what was measured on 2026-11-28. */
const BUDGET = {
  /** Ten events and four requests of notifications, each of which is told to be sent twice. The timer counts too. */
  publications: 22,
  /** 21 to the audit, 8 to the channels, 4 to notification-service, and 9 that carry the order on. */
  deliveries: 42,
  /** One order at a time, so that each message is a group of its own: all that is loaded and saved, begin and commit included. */
  statementsAloneMax: 175,
  /** Two hundred at once, which share their groups. */
  statementsTogetherMax: 60,
  /** Pages of six databases, of which the notifications' is the half; an event alone is packed less well than with others. */
  bytesAloneMax: 9_000,
  bytesTogetherMax: 8_000,
}

const ALONE = 20
const TOGETHER = 200
const copies = 1

let vhost: Vhost
let system: System

beforeAll(async () => {
  vhost = await createVhost()
  // What is looked for every second would count for more on a slow machine.
  system = await startSystem({ amqpUrl: vhost.amqpUrl, environment: { RELEASE_POLL_MS: '60000' } })
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
    return { spent, bytes: Object.values(bytes).reduce((sum, one) => sum + one) }
  }
  const before = await look()
  await work()
  const after = await look()
  return {
    spent: spentAnOrder(before.spent, after.spent, orders),
    bytes: (after.bytes - before.bytes) / orders,
  }
}

/** Every event is heard by the audit, and the one timer by its own service. */
function publicationsOf(deliveries: Record<string, number>): number {
  const published = Object.entries(deliveries).filter(([name]) => /^audit\.queue |\.transit$/.test(name))
  return count(Object.fromEntries(published))
}

describe('an order', () => {
  it('of one line with a mail is delivered to whom the bare choreography of the benchmark says', async () => {
    const { spent } = await costOf(3, () => placeAlone(3, plainOrder))
    const { publications, deliveries } = plainFlow()
    expect(total(spent).deliveries).toEqual(deliveries)
    expect(publicationsOf(total(spent).deliveries)).toBe(publications)
  })

  it('of three lines with mails and SMS keeps to the budget when it is alone', async () => {
    const { spent, bytes } = await costOf(ALONE, () => placeAlone(ALONE, largeOrder))
    const { deliveries, statements } = total(spent)
    expect({ publications: publicationsOf(deliveries), deliveries: count(deliveries) }).toEqual({
      publications: BUDGET.publications,
      deliveries: BUDGET.deliveries,
    })
    expect(statements).toBeLessThanOrEqual(BUDGET.statementsAloneMax)
    expect(bytes).toBeLessThanOrEqual(BUDGET.bytesAloneMax)
  }, 120_000)

  it('of three lines with mails and SMS keeps to the budget when many come at once', async () => {
    const { spent, bytes } = await costOf(TOGETHER, () => placeTogether(TOGETHER, largeOrder))
    const { deliveries, statements } = total(spent)
    expect({ publications: publicationsOf(deliveries), deliveries: count(deliveries) }).toEqual({
      publications: BUDGET.publications,
      deliveries: BUDGET.deliveries,
    })
    expect(statements).toBeLessThanOrEqual(BUDGET.statementsTogetherMax)
    expect(bytes).toBeLessThanOrEqual(BUDGET.bytesTogetherMax)
  }, 120_000)
})

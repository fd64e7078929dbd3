// The gateway charges and its answer is lost, again and again until our patience is over: the order is cancelled, the customer gets the money
// back, and nobody has to look into it.
import { join } from 'node:path'
import { eventually } from '@orders/shared/testing'
import Sqlite from 'better-sqlite3'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { expectAgreement, stockOf } from '../support/oracle.ts'
import { typesOf, wholeStory } from '../support/story.ts'
import { type System, startSystem } from '../support/system.ts'
import { createVhost, type Vhost } from '../support/vhost.ts'

let vhost: Vhost
let system: System
let initial: Awaited<ReturnType<typeof stockOf>>

beforeAll(async () => {
  vhost = await createVhost()
  system = await startSystem({ amqpUrl: vhost.amqpUrl })
  initial = await stockOf(system)
}, 120_000)

afterAll(async () => {
  await system?.stop()
  await vhost?.remove()
}, 60_000)

const lost = { user: 'ann', items: ['item1'], paymentMethod: 'tok_answer_lost' }

function bookedAtTheGateway(orderId: string): unknown {
  const books = new Sqlite(join(system.dataDir, 'payment-gateway.db'), { readonly: true })
  const charge = books.prepare('select status, amount_cents, calls from charges where key = ?').get(orderId)
  books.close()
  return charge
}

describe.concurrent('an order whose charge was never answered', { timeout: 180_000 }, () => {
  it('is cancelled after the last attempt, refunded, and its goods are available again', async () => {
    await system.post('/orders', { orderId: 'lost', ...lost })
    await eventually('it has been charged', () => bookedAtTheGateway('lost') !== undefined)
    await eventually('it waits', async () => (await system.order('lost')).status === 'reserved')

    const order = await system.ended('lost', 60_000)
    expect(order).toMatchObject({ status: 'cancelled', reason: 'gateway_unavailable' })
    const story = await eventually('it is refunded', async () => {
      const told = await wholeStory(system, 'lost')
      return typesOf(told)['payment.refunded'] === 1 && told
    })
    expect(typesOf(story)).toEqual({
      'order.created': 1,
      'inventory.reserved': 1,
      'payment.failed': 1,
      'payment.refunded': 1,
      'inventory.released': 1,
      'order.cancelled': 1,
      // The order, its end, and the money.
      'notification.requested': 3,
      'notification.sent': 3,
    })
    // Four charges, the last when the patience is over, the void that tells of the first one, and the refund.
    expect(bookedAtTheGateway('lost')).toEqual({ status: 'refunded', amount_cents: 1_000, calls: 6 })
    expect(await system.get('/payments/lost', 'payment')).toMatchObject({
      status: 'refunded',
      reason: 'gateway_unavailable',
      chargeId: 'ch_lost',
    })
  })

  it('that the customer had confirmed ends the same', async () => {
    await system.post('/orders', { orderId: 'lost-big', ...lost, items: [{ sku: 'item10', quantity: 11 }] })
    const isAsked = async () => (await system.order('lost-big')).status === 'awaiting_confirmation'
    await eventually('the customer is asked', isAsked)
    expect((await system.post('/orders/lost-big/payment/confirm', {})).status).toBe(202)

    const order = await system.ended('lost-big', 60_000)
    expect(order).toMatchObject({ status: 'cancelled', reason: 'gateway_unavailable' })
    await eventually('it is refunded', async () => typesOf(await wholeStory(system, 'lost-big'))['payment.refunded'])
    expect(bookedAtTheGateway('lost-big')).toEqual({ status: 'refunded', amount_cents: 110_000, calls: 6 })
  })

  it('that the customer wants to cancel meanwhile goes on, since the charge came first', async () => {
    await system.post('/orders', { orderId: 'lost-regret', ...lost })
    await eventually('it has been charged', () => bookedAtTheGateway('lost-regret') !== undefined)
    expect((await system.post('/orders/lost-regret/cancel', {})).status).toBe(202)

    expect(await system.ended('lost-regret')).toMatchObject({ status: 'completed', reason: null })
    expect(typesOf(await wholeStory(system, 'lost-regret'))).toMatchObject({
      'order.cancel_requested': 1,
      'payment.success': 1,
      'order.completed': 1,
    })
    expect(bookedAtTheGateway('lost-regret')).toMatchObject({ status: 'charged', amount_cents: 1_000 })
  })
})

it('afterwards money, goods and orders agree, and no message is left anywhere', async () => {
  const orders = await Promise.all(['lost', 'lost-big', 'lost-regret'].map(system.order))
  await expectAgreement(system, orders, initial)
  await eventually('only the timer of the confirmed order waits', async () => {
    const waiting = await vhost.waiting()
    return Object.keys(waiting).join() === 'payment.deadline.queue'
  })
})

// The whole system over a real broker: an order of every kind goes its way through every process and ends as it must.
// Each database has a test file that calls `orderSuite`.
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { eventually } from '@orders/shared/testing'
import PostalMime from 'postal-mime'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { placeWhilePriceChanges, reprice } from '../support/prices.ts'
import { type System, startSystem } from '../support/system.ts'
import { createVhost, type Vhost } from '../support/vhost.ts'

/** `environment` says which database the services use. */
export function orderSuite(environment: Record<string, string>): void {
  let vhost: Vhost
  let system: System

  beforeAll(async () => {
    vhost = await createVhost()
    const ownEnvironment = { PAYMENT_CONFIRM_WITHIN_MS: '10000', ...environment }
    system = await startSystem({ amqpUrl: vhost.amqpUrl, environment: ownEnvironment })
  }, 120_000)

  afterAll(async () => {
    await system?.stop()
    await vhost?.remove()
  }, 60_000)

  const stock = (sku: string) =>
    system.get<{ available: number; reserved: number; committed: number }>(`/stock/${sku}`, 'inventory')

  interface Story {
    ended: string | null
    entries: { type: string }[]
    gaps: object[]
  }

  /** The story once nothing is missing from it any more. */
  const story = (orderId: string) =>
    eventually(`the story of ${orderId} has no gaps`, async () => {
      const told = await system.get<Story>(`/audit/orders/${orderId}`, 'audit')
      return typeof told.ended === 'string' && told.gaps.length === 0 && told
    })

  const typesOf = ({ entries }: Story) => entries.map(({ type }) => type)

  describe('an order', () => {
    it('of the seed goes all the way to completed, with its mail written and its story told', async () => {
      const seed = { orderId: '123', user: 'gayal', items: ['item1', 'item2'] }
      const placed = await system.post('/orders', seed)
      expect(placed.status).toBe(202)
      expect(placed.body).toMatchObject({ orderId: '123', status: 'created', user: 'gayal' })

      const order = await system.ended('123')
      expect(order).toMatchObject({ status: 'completed', reason: null, totalCents: 3_000 })
      // What services beside an order's way say of it is theirs.
      const wayOf = (types: string[]) =>
        types.filter((type) => /^(order|inventory|payment|shipping|notification)\./.test(type))
      expect(new Set(wayOf(typesOf(await story('123'))))).toEqual(
        new Set([
          'order.created',
          'inventory.reserved',
          'payment.success',
          'inventory.committed',
          'order.paid',
          'shipping.prepared',
          'order.shipped',
          'shipping.delivered',
          'order.completed',
          'notification.requested',
          'notification.sent',
        ]),
      )
      const mail = await readFile(join(system.dataDir, 'mail', '123.order.completed.eml'))
      const parsed = await PostalMime.parse(mail)
      expect(parsed.to?.[0]?.address).toBe('gayal@example.com')
      expect(parsed.messageId).toContain('123.order.completed')
      expect(parsed.html).toContain('123')
      expect(parsed.text).toContain('123')
    })

    it('for something sold out is cancelled, and nothing is set aside', async () => {
      const before = await stock('item3')
      await system.post('/orders', { orderId: 'sold-out', user: 'ann', items: ['item3', 'soldout'] })
      expect(await system.ended('sold-out')).toMatchObject({ status: 'cancelled', reason: 'out_of_stock' })
      expect(await stock('item3')).toEqual(before)
      expect((await fetch(`${system.url('order')}/orders/sold-out/payment`)).status).toBe(404)
      expect(typesOf(await story('sold-out'))).toContain('order.cancelled')
    })

    it('at another price than its customer has seen is refused with both, and at that price taken', async () => {
      const order = { orderId: 'agreed', user: 'ann', items: ['item3', 'item1'] }
      expect(await system.post('/orders', { ...order, expectedTotalCents: 3_999 })).toMatchObject({
        status: 409,
        body: { code: 'price_changed', expectedTotalCents: 3_999, totalCents: 4_000, currency: 'EUR' },
      })
      expect((await fetch(`${system.url('order')}/orders/agreed`)).status).toBe(404)
      expect((await system.post('/orders', { ...order, expectedTotalCents: 4_000 })).status).toBe(202)
      expect(await system.ended('agreed')).toMatchObject({ status: 'completed', totalCents: 4_000 })
      await story('agreed')
    })

    it('whose price changes before its goods are set aside is cancelled, and nothing is set aside', async () => {
      const order = { orderId: 'repriced', user: 'ann', items: ['item9'], expectedTotalCents: 9_000 }
      await placeWhilePriceChanges({ system, vhost }, order, { sku: 'item9', unitPriceCents: 9_500 })
      expect(await system.ended('repriced')).toMatchObject({ status: 'cancelled', reason: 'price_changed' })
      expect(typesOf(await story('repriced'))).toEqual(
        expect.arrayContaining(['inventory.price_changed', 'order.cancelled']),
      )
      expect(await stock('item9')).toMatchObject({ reserved: 0, committed: 0 })
      expect((await fetch(`${system.url('order')}/orders/repriced/payment`)).status).toBe(404)
      expect(await system.post('/orders', order)).toMatchObject({ status: 202, body: { status: 'created' } })
      await reprice(system, 'item9', 9_000)
    })

    it('whose payment is declined is cancelled, and its goods are available again', async () => {
      await system.post('/orders', {
        orderId: 'declined',
        user: 'bob',
        items: ['item4'],
        paymentMethod: 'tok_declined',
      })
      expect(await system.ended('declined')).toMatchObject({ status: 'cancelled', reason: 'declined' })
      expect(typesOf(await story('declined'))).toContain('inventory.released')
      expect(await stock('item4')).toMatchObject({ reserved: 0, committed: 0 })
    })

    it('above the limit waits for the customer’s word and goes on with it', async () => {
      await system.post('/orders', { orderId: 'big', user: 'cy', items: [{ sku: 'item10', quantity: 11 }] })
      await eventually(
        'it awaits confirmation',
        async () => (await system.order('big')).status === 'awaiting_confirmation',
      )
      expect(await system.get('/orders/big/payment')).toMatchObject({
        status: 'awaiting_confirmation',
        totalCents: 110_000,
      })
      const confirmed = await system.post('/orders/big/payment/confirm', {})
      expect(confirmed).toMatchObject({ status: 202, body: { status: 'confirmed' } })
      expect(await system.ended('big')).toMatchObject({ status: 'completed' })
      expect((await system.post('/orders/big/payment/confirm', {})).status).toBe(202)
      await story('big')
    })

    it('that nobody confirms is cancelled by the deadline', async () => {
      await system.post('/orders', { orderId: 'silent', user: 'di', items: [{ sku: 'item10', quantity: 11 }] })
      expect(await system.ended('silent')).toMatchObject({ status: 'cancelled', reason: 'confirmation_timeout' })
      const late = await system.post('/orders/silent/payment/confirm', {})
      expect(late.status).toBe(409)
      await story('silent')
    })

    it('that the customer cancels before the charge is cancelled, and no charge is made', async () => {
      await system.post('/orders', { orderId: 'regret', user: 'ed', items: [{ sku: 'item10', quantity: 11 }] })
      await eventually(
        'it awaits confirmation',
        async () => (await system.order('regret')).status === 'awaiting_confirmation',
      )
      const asked = await system.post('/orders/regret/cancel', {})
      expect(asked).toMatchObject({ status: 202, body: { cancellation: { status: 'requested' } } })
      expect(await system.ended('regret')).toMatchObject({ status: 'cancelled', reason: 'cancelled_by_customer' })
      const answer = { status: 'granted', reason: 'cancelled_by_customer' }
      expect(await system.get('/orders/regret')).toMatchObject({ cancellation: answer })
      expect(await system.post('/orders/regret/cancel', {})).toMatchObject({
        status: 202,
        body: { cancellation: answer },
      })
      expect(await system.get('/payments/regret', 'payment')).toMatchObject({ status: 'failed', chargeId: null })
      await story('regret')
    })

    it('that is paid can no longer be cancelled', async () => {
      await system.post('/orders', { orderId: 'late-regret', user: 'fay', items: ['item5'] })
      await system.ended('late-regret')
      const answer = await system.post('/orders/late-regret/cancel', {})
      expect(answer).toMatchObject({ status: 409, body: { code: 'order_already_paid' } })
    })

    it('that the carrier refuses is cancelled, refunded, and its goods are available again', async () => {
      const before = await stock('item6')
      const order = { orderId: 'refused', user: 'gus', items: ['item6'], shippingAddress: 'Nowhere 1' }
      await system.post('/orders', order)
      expect(await system.ended('refused')).toMatchObject({ status: 'cancelled', reason: 'address_not_served' })
      const told = await eventually('the refund is in its story', async () => {
        const order = await system.get<{ refundedCents: number }>('/orders/refused')
        return order.refundedCents > 0 && order
      })
      expect(told).toMatchObject({ refundedCents: 6_000, refunds: [{ reason: 'address_not_served' }] })
      expect(typesOf(await story('refused'))).toEqual(
        expect.arrayContaining(['payment.refunded', 'inventory.released']),
      )
      expect(await system.get('/payments/refused', 'payment')).toMatchObject({ status: 'refunded' })
      expect(await stock('item6')).toEqual(before)
    })

    it('is paid back in part and then whole when an operator wants so, and its goods are for sale again', async () => {
      await system.post('/orders', { orderId: 'back', user: 'gil', items: [{ sku: 'item2', quantity: 2 }, 'item3'] })
      await system.ended('back')
      await story('back')
      const before = await stock('item2')
      const refund = async (key: string, body: object) => {
        const answer = await fetch(`${system.url('order')}/orders/back/refund`, {
          method: 'POST',
          headers: { 'content-type': 'application/json', 'idempotency-key': key },
          body: JSON.stringify(body),
        })
        return { status: answer.status, body: await answer.json() }
      }
      const part = { lines: [{ sku: 'item2', quantity: 1 }], reason: 'damaged' }
      expect((await refund('part', part)).status).toBe(202)
      expect((await refund('part', part)).status).toBe(202)
      expect(await refund('part', { reason: 'damaged' })).toMatchObject({ status: 422 })
      expect((await refund('rest', { reason: 'all of it' })).status).toBe(202)
      expect(await refund('more', { reason: 'more' })).toMatchObject({
        status: 409,
        body: { code: 'nothing_left_to_refund' },
      })
      await eventually('it is paid back', async () => {
        const { refunds } = await system.get<{ refunds: { status: string }[] }>('/orders/back')
        return refunds.length === 2 && refunds.every(({ status }) => status === 'refunded')
      })
      expect(await system.get('/orders/back')).toMatchObject({ status: 'completed', refundedCents: 7_000 })
      expect(await system.get('/payments/back', 'payment')).toMatchObject({ status: 'refunded', refundedCents: 7_000 })
      const told = typesOf(await story('back'))
      expect(told.filter((type) => /refund|returned/.test(type))).toHaveLength(6)
      expect(await stock('item2')).toMatchObject({ committed: before.committed - 2, available: before.available + 2 })
    })

    it('whose gateway stays down is tried again and then cancelled', async () => {
      await system.post('/orders', {
        orderId: 'gateway',
        user: 'hal',
        items: ['item7'],
        paymentMethod: 'tok_gateway_down',
      })
      expect(await system.get('/orders/gateway/payment')).toMatchObject({ status: 'pending' })
      expect(await system.ended('gateway', 55_000)).toMatchObject({
        status: 'cancelled',
        reason: 'gateway_unavailable',
      })
      await story('gateway')
      expect(await stock('item7')).toMatchObject({ reserved: 0, committed: 0 })
    }, 70_000)

    it('with every contact is told by every channel, and by those only', async () => {
      const contact = {
        email: 'ida@example.org',
        phone: '+49 1',
        push: 'device-1',
        webhook: 'https://example.org/hook',
      }
      await system.post('/orders', { orderId: 'told', user: 'ida', items: ['item8'], priority: 'express', contact })
      await system.ended('told')
      await story('told')
      const notification = await system.get<{ deliveries: { channel: string; status: string }[] }>(
        '/notifications/told.order.completed',
        'notification',
      )
      expect(new Map(notification.deliveries.map(({ channel, status }) => [channel, status]))).toEqual(
        new Map(['email', 'sms', 'push', 'webhook'].map((channel) => [channel, 'simulated'])),
      )
      await eventually('all of it is told by all of them', async () => {
        const { notifications } = await system.get<{ notifications: { channels: Record<string, string> }[] }>(
          '/notifications?orderId=told',
          'notification',
        )
        const statuses = notifications.flatMap(({ channels }) => Object.values(channels))
        return statuses.length === 4 * 4 && statuses.every((status) => status === 'simulated')
      })
      expect(await system.get<object>('/orders/told')).not.toHaveProperty('notifications')
      expect((await readdir(join(system.dataDir, 'mail'))).filter((name) => name.startsWith('told.')).sort()).toEqual([
        'told.order.completed.eml',
        'told.order.created.eml',
        'told.order.paid.eml',
        'told.order.shipped.eml',
      ])
    })

    it('is delivered at once when an operator says so', async () => {
      await system.post('/orders', { orderId: 'by-hand', user: 'jo', items: ['item9'] })
      await eventually('it is on its way', async () =>
        ['shipped', 'completed'].includes((await system.order('by-hand')).status),
      )
      const answer = await system.post('/shipments/by-hand/delivered', {}, 'shipping')
      expect(answer.status).toBeLessThan(300)
      expect(await system.ended('by-hand')).toMatchObject({ status: 'completed' })
    })
  })

  describe('a repeated request', () => {
    it('with the same orderId and body gets the same answer, with another body a 409', async () => {
      const body = { orderId: 'again', user: 'kim', items: ['item1'] }
      const first = await system.post('/orders', body)
      const second = await system.post('/orders', body)
      expect(second).toEqual(first)
      expect((await system.post('/orders', { ...body, user: 'kay' })).status).toBe(409)
      await system.ended('again')
    })

    it('with the same Idempotency-Key places one order, with another body a 422', async () => {
      const place = (items: string[]) =>
        fetch(`${system.url('order')}/orders`, {
          method: 'POST',
          headers: { 'content-type': 'application/json', 'idempotency-key': 'key-1' },
          body: JSON.stringify({ user: 'lee', items }),
        })
      const first = await (await place(['item1'])).json()
      const second = await (await place(['item1'])).json()
      expect(second).toEqual(first)
      expect((await place(['item2'])).status).toBe(422)
    })
  })

  it('afterwards every queue of the topology is empty, the dead letters included', async () => {
    await eventually('all queues are empty', async () => (await vhost.queues()).every(({ messages }) => !messages))
  })
}

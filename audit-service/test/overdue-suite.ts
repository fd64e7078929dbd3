// What orders wait for, over every database: known of each without anybody asking, and the same as its story tells.
import {
  InventoryReserved,
  InventoryRestocked,
  type Message,
  NotificationFailed,
  NotificationRequested,
  OrderCreated,
  orders,
  PaymentSuccess,
  registry,
} from '@orders/shared/contracts'
import { encode } from '@orders/shared/messaging'
import type { Database } from '@orders/shared/storage'
import { keepingLog } from '@orders/shared/testing'
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest'
import { isUntold } from '../news.ts'
import { type Following, followLog } from '../overdue/follow.ts'
import { pack, unpack } from '../overdue/packed.ts'
import { factsOf, resay } from '../overdue/resay.ts'
import { listGaps, listHops } from '../overdue/store.ts'
import { typeBefore } from '../overdue/unfinished.ts'
import { decoded, type Keeping, openLog } from './keeping.ts'
import type { Opened } from './log-suite.ts'

const START = Date.parse('2026-11-21T08:30:00.000Z')
const at = (ms: number) => new Date(START + ms).toISOString()
const GAP_AFTER_MS = 60_000
const restocked = (sku: string) =>
  InventoryRestocked.of(sku, at(0), { sku, available: 3, addedQuantity: 3, unitPriceCents: 100 })
const lines = [{ sku: 'item1', quantity: 1, unitPriceCents: 1000 }]
const priced = { user: 'gayal', priority: 'standard' as const, lines, totalCents: 1000 }
const created = (orderId: string, ms = 0) => OrderCreated.of(orderId, at(ms), priced)
const reserved = (orderId: string, ms = 0) => InventoryReserved.of(orderId, at(ms), priced)
const paid = (orderId: string, ms = 0) => PaymentSuccess.of(orderId, at(ms), { ...priced, chargeId: 'ch_1' })

export function overdueSuite(name: string, open: () => Promise<Opened>): void {
  describe(name, () => {
    let database: Database
    let other: Database
    let log: Keeping
    let nowMs: number
    let following: Following

    beforeEach(async () => {
      const opened = await open()
      ;[database, other] = [opened.database, await opened.again()]
      log = await openLog(database)
      nowMs = START
      following = await follow(database)
      onTestFinished(async () => {
        await following.close()
        await database.close()
        await other.close()
        await opened.remove()
      })
    })

    async function follow(over: Database): Promise<Following> {
      const { log: lines } = await keepingLog('audit-service')
      // Its own clock looks far too seldom to matter here.
      return followLog({ database: over, log: lines, now: () => new Date(nowMs), gapAfterMs: GAP_AFTER_MS })
    }

    const keep = (...messages: Message[]) => log.keep(...messages.map((one) => decoded(bytesOf(one))))
    const bytesOf = (message: Message) => encode(registry, message, `${message.type.split('.')[0]}-service`, {}).body
    const lookAt = async (ms: number) => {
      nowMs = START + ms
      await following.now()
    }
    const gapsNow = async () =>
      (await listGaps(database, { limit: 500 })).gaps.map(({ orderId, after, missing, status }) => [
        orderId,
        after,
        missing.join(' '),
        status,
      ])

    it('finds an order that stopped, once it has waited too long, and no sooner', async () => {
      await keep(created('a'), created('b'), reserved('b'))
      await lookAt(60_000)
      expect(await gapsNow()).toEqual([])
      await lookAt(60_001)
      expect((await gapsNow()).filter(([orderId]) => orderId === 'a')).toEqual([
        ['a', 'order.created', 'inventory.reserved inventory.out_of_stock inventory.price_changed', 'missing'],
      ])
      await lookAt(180_001)
      expect((await gapsNow()).filter(([orderId]) => orderId === 'b')).toEqual([
        ['b', 'inventory.reserved', 'notification.requested/order.created', 'missing'],
        ['b', 'inventory.reserved', 'payment.success payment.failed payment.confirmation_required', 'missing'],
      ])
      expect(await listHops(database)).toContainEqual({
        hop: 'order.created → inventory.reserved or inventory.out_of_stock or inventory.price_changed',
        count: 1,
        oldest: at(60_000),
      })
    })

    it('finds the same missing after the same event of two sources once, and follows the log all the same', async () => {
      const foreign = encode(registry, created('a'), 'shop-service', {}).body
      await keep(created('a'))
      await log.keep(decoded(foreign))
      await lookAt(60_001)
      await keep(created('b', 60_000))
      await lookAt(180_001)
      expect(await following.behind()).toBe(0)
      expect((await gapsNow()).map(([orderId, after]) => [orderId, after])).toEqual([
        ['a', 'order.created'],
        ['b', 'order.created'],
      ])
    })

    it('forgets it when what was missing comes', async () => {
      await keep(created('a'))
      await lookAt(100_000)
      expect(await gapsNow()).toHaveLength(1)
      await keep(reserved('a', 100_000))
      await lookAt(100_001)
      expect(await gapsNow()).toEqual([])
    })

    it('is silent about goods that were restocked, and tells of a customer who could not be told', async () => {
      const about = { notificationId: 'n1', channel: 'email' as const }
      await keep(
        restocked('item1'),
        NotificationRequested.of('n1', at(0), { ...about, channels: ['email'] } as never, { detail: 'welcome' }),
        NotificationFailed.of('n1', at(0), { ...about, reason: 'no_such_mailbox' } as never, {
          detail: 'welcome.email',
        }),
      )
      await lookAt(86_400_000)
      expect(await gapsNow()).toEqual([
        ['n1', 'notification.failed/welcome.email', 'notification.requested/welcome.email.2', 'failed'],
      ])
      expect((await listHops(database)).map(({ hop }) => isUntold(typeBefore(hop)))).toEqual([true])
    })

    it('remembers of each event what the rules read, whatever its id and whoever said it', async () => {
      const events = [
        { id: 'a/order.created', type: 'order.created', source: '/order-service', data: {} },
        {
          id: 'a/notification.held/x.email',
          type: 'notification.held',
          source: '/notification-service',
          data: { n: 1 },
        },
        { id: 'a/order.paid', type: 'order.lost', source: '/order-service', data: {} },
        { id: 'other', type: 'order.paid', source: '/shop', data: { channels: ['email'] } },
        { id: '', type: 'order.paid', source: '/order-service', data: {} },
      ].map((one) => ({ ...one, subject: 'a', time: at(0) }))
      expect(unpack('a', pack('a', events))).toEqual(events)
    })

    it('of two copies that follow at once, what one saves counts once', async () => {
      const second = await follow(other)
      onTestFinished(() => second.close())
      for (let n = 0; n < 50; n++) await keep(created(`o${n}`))
      nowMs = START + 100_000
      await Promise.all([following.now(), second.now()])
      await Promise.all([following.now(), second.now()])
      expect(await listHops(database)).toMatchObject([{ count: 50 }])
      expect(await following.behind()).toBe(0)
    })

    it('gives them page by page, the longest overdue first', async () => {
      for (let n = 0; n < 25; n++) await keep(created(`o${n}`, n))
      await lookAt(100_000)
      const found: string[] = []
      for (let after: Parameters<typeof listGaps>[1]['after'], first = true; first || after; first = false) {
        const page = await listGaps(database, { after, limit: 10 })
        found.push(...page.gaps.map(({ orderId }) => orderId))
        after = page.next
      }
      expect(found).toEqual(Array.from({ length: 25 }, (_, n) => `o${n}`))
    })

    it('has no page after one that is exactly full', async () => {
      for (let n = 0; n < 20; n++) await keep(created(`o${n}`, n))
      await lookAt(100_000)
      const first = await listGaps(database, { limit: 10 })
      expect(await listGaps(database, { after: first.next, limit: 10 })).toMatchObject({
        gaps: Array.from({ length: 10 }, (_, n) => ({ orderId: `o${n + 10}` })),
        next: undefined,
      })
    })

    it('says an unanswered fact again, byte for byte, and nothing that nobody hears', async () => {
      await keep(created('a'), reserved('a', 10), paid('a', 20))
      await lookAt(1_000_000)
      const { gaps } = await listGaps(database, { orderId: 'a', limit: 100 })
      const published: { exchange: string; routingKey: string; body: Buffer }[] = []
      const broker = { publish: async (publication: (typeof published)[number]) => void published.push(publication) }
      const facts = await factsOf(database, orders, gaps)
      await resay(broker, orders, facts)
      expect(facts.map(({ id }) => id).sort()).toEqual(['a/inventory.reserved', 'a/payment.success'])
      expect(published.map(({ exchange, routingKey, body }) => [exchange, routingKey, body.toString()]).sort()).toEqual(
        [
          ['inventory.exchange', 'inventory.reserved', bytesOf(reserved('a', 10)).toString()],
          ['payment.exchange', 'payment.success', bytesOf(paid('a', 20)).toString()],
        ],
      )
    })

    it('of an order that ended, only what begins it again is followed', async () => {
      await keep(restocked('item1'))
      await lookAt(16_000)
      await keep(created('item1', 16_000))
      await lookAt(100_000)
      expect(await gapsNow()).toEqual([
        ['item1', 'order.created', 'inventory.reserved inventory.out_of_stock inventory.price_changed', 'missing'],
      ])
    })
  })
}

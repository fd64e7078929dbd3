// The story of an order does not depend on the order in which its events came, and tells what is missing.
import {
  InventoryCommitted,
  InventoryReleased,
  InventoryReserved,
  type Message,
  moneyFormat,
  NotificationCancelled,
  NotificationDigested,
  NotificationExpired,
  NotificationFailed,
  NotificationHeld,
  NotificationOptedOut,
  NotificationRequested,
  NotificationSent,
  OrderCancelled,
  OrderCompleted,
  OrderCreated,
  OrderPaid,
  OrderRefundRequested,
  OrderShipped,
  PaymentConfirmationRequired,
  PaymentFailed,
  PaymentRefundAbandoned,
  PaymentRefunded,
  PaymentSuccess,
  PaymentVoided,
  ShippingDelivered,
  ShippingFailed,
  ShippingPrepared,
} from '@orders/shared/contracts'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { nextStepOf } from '../overdue/http.ts'
import { storyOf } from '../story.ts'
import { textOf } from '../text.ts'
import type { Told } from '../told.ts'

const orderId = '123'
const customer = { user: 'gayal', priority: 'standard' as const }
const lines = [
  { sku: 'item1', quantity: 2, unitPriceCents: 1000 },
  { sku: 'item2', quantity: 1, unitPriceCents: 500 },
]
const priced = { ...customer, lines, totalCents: 2500 }
const at = (ms: number) => new Date(Date.parse('2026-11-21T08:30:00.000Z') + ms).toISOString()

function told(message: Message): Told {
  const [noun] = message.type.split('.')
  return { ...message, source: `/${noun}-service` }
}

function notified(type: string, ms: number): Message[] {
  const data = { notificationId: `${orderId}.${type}`, channel: 'email' as const }
  return [
    NotificationRequested.of(orderId, at(ms), { ...data, channels: ['email'] }, { detail: type }),
    NotificationSent.of(orderId, at(ms), { ...data, provider: 'file', providerId: '<1>' }, { detail: `${type}.email` }),
  ]
}

/** Delivered; most effects bear the time of their causes, so that only their rank can order them. */
const completed = [
  OrderCreated.of(orderId, at(0), { ...customer, lines }),
  InventoryReserved.of(orderId, at(10), priced),
  PaymentSuccess.of(orderId, at(20), { ...priced, chargeId: 'ch_1' }),
  InventoryCommitted.of(orderId, at(20), { lines }),
  OrderPaid.of(orderId, at(20), priced),
  ShippingPrepared.of(orderId, at(20), { trackingId: 'T1', carrier: 'ACME' }),
  OrderShipped.of(orderId, at(20), { ...priced, trackingId: 'T1' }),
  ShippingDelivered.of(orderId, at(3_020), { trackingId: 'T1', deliveredAt: at(3_020) }),
  OrderCompleted.of(orderId, at(3_020), priced),
  ...notified('order.created', 10),
  ...notified('order.paid', 20),
  ...notified('order.shipped', 25),
  ...notified('order.completed', 3_020),
].map(told)

/** The customer was asked and never answered. */
const cancelled = [
  OrderCreated.of(orderId, at(0), { ...customer, lines }),
  InventoryReserved.of(orderId, at(10), priced),
  PaymentConfirmationRequired.of(orderId, at(20), { ...customer, totalCents: 2500, confirmBefore: at(900_000) }),
  PaymentFailed.of(orderId, at(900_000), { reason: 'confirmation_timeout', totalCents: 2500 }),
  InventoryReleased.of(orderId, at(900_000), { lines, reason: 'payment.failed' }),
  OrderCancelled.of(orderId, at(900_000), { ...priced, reason: 'confirmation_timeout' }),
  ...notified('order.created', 10),
  ...notified('payment.confirmation_required', 20),
  ...notified('order.cancelled', 900_000),
].map(told)

const terms = { gapAfterMs: 60_000, money: moneyFormat('en', 'EUR') }
const later = at(30 * 86_400_000)
const tell = (events: Told[], now = later) => storyOf(orderId, events, { ...terms, now })
const gapsWithout = (events: Told[], id: string, now = later) =>
  tell(
    events.filter((event) => event.id !== `${orderId}/${id}`),
    now,
  )?.gaps

describe('a story', () => {
  it('is told in words, in the order of the causes', () => {
    expect(tell([...completed].reverse())).toMatchObject({
      orderId,
      ended: 'completed',
      startedAt: at(0),
      durationMs: 3_020,
      gaps: [],
    })
    expect(
      tell([...completed].reverse())?.entries.map(({ afterMs, service, sentence }) => [afterMs, service, sentence]),
    ).toEqual([
      [0, 'order', 'gayal ordered 2 lines'],
      [10, 'inventory', 'inventory reserved 2 lines, total €25.00'],
      [10, 'notification', 'the customer will be notified about order.created by email'],
      [10, 'notification', 'the customer was notified about order.created by email, through file'],
      [20, 'payment', 'payment charged the customer, total €25.00'],
      [20, 'inventory', 'inventory sold the goods'],
      [20, 'order', 'the order is paid'],
      [20, 'shipping', 'ACME took the parcel, tracking number T1'],
      [20, 'order', 'the order is on its way, tracking number T1'],
      [20, 'notification', 'the customer will be notified about order.paid by email'],
      [20, 'notification', 'the customer was notified about order.paid by email, through file'],
      [25, 'notification', 'the customer will be notified about order.shipped by email'],
      [25, 'notification', 'the customer was notified about order.shipped by email, through file'],
      [3_020, 'shipping', 'the parcel reached the customer'],
      [3_020, 'order', 'the order is complete'],
      [3_020, 'notification', 'the customer will be notified about order.completed by email'],
      [3_020, 'notification', 'the customer was notified about order.completed by email, through file'],
    ])
  })

  it('is the same in whatever order its events arrived', () => {
    for (const events of [completed, cancelled]) {
      const story = tell(events)
      const arrival = fc.shuffledSubarray(events, { minLength: events.length })
      fc.assert(
        fc.property(arrival, (arrived) => {
          expect(tell(arrived)).toEqual(story)
        }),
      )
    }
  })

  it('ends as the order does, or not yet', () => {
    expect(tell(cancelled)).toMatchObject({ ended: 'cancelled', durationMs: 900_000, gaps: [] })
    expect(tell(cancelled.slice(0, 3))?.ended).toBe(null)
    expect(tell([])).toBe(undefined)
  })

  it('tells what nobody here knows by its name', () => {
    for (const type of ['order.teleported', 'constructor'])
      expect(
        tell([{ id: '1', type, subject: orderId, source: '/order-service', time: at(0), data: 7 }])?.entries,
      ).toMatchObject([{ sentence: `order-service published ${type}`, service: 'order' }])
  })

  it('reads events whose data is of another version', () => {
    const strange = completed.map((event) => ({ ...event, data: { lines: 'none', totalCents: '25', channels: [1] } }))
    expect(tell(strange)?.entries).toHaveLength(completed.length)
  })

  it('reads well in a terminal', () => {
    const text = textOf({ ...(tell(completed.slice(0, 3), at(30_000)) ?? expect.fail()) })
    expect(text).toBe(`Order 123: not ended yet

   +0 ms  order      gayal ordered 2 lines
  +10 ms  inventory  inventory reserved 2 lines, total €25.00
  +20 ms  payment    payment charged the customer, total €25.00

Still to come:
  waiting  notification.requested/order.created after inventory.reserved, for 30.0 s
  waiting  inventory.committed after payment.success, for 30.0 s
  waiting  order.paid after payment.success, for 30.0 s
  waiting  shipping.prepared or shipping.failed after payment.success, for 30.0 s
`)
  })
})

describe('a gap', () => {
  it.each([
    ['order.created', ['order.created'], null],
    [
      'inventory.reserved',
      ['inventory.reserved', 'inventory.out_of_stock', 'inventory.price_changed'],
      'order.created',
    ],
    ['payment.success', ['payment.success', 'payment.failed', 'payment.confirmation_required'], 'inventory.reserved'],
    ['inventory.committed', ['inventory.committed'], 'payment.success'],
    ['order.paid', ['order.paid'], 'payment.success'],
    ['shipping.prepared', ['shipping.prepared', 'shipping.failed'], 'payment.success'],
    ['order.shipped', ['order.shipped'], 'shipping.prepared'],
    ['shipping.delivered', ['shipping.delivered'], 'shipping.prepared'],
    ['order.completed', ['order.completed'], 'shipping.delivered'],
    ...['order.created', 'order.paid', 'order.shipped', 'order.completed'].flatMap((type) => [
      [
        `notification.requested/${type}`,
        [`notification.requested/${type}`],
        type === 'order.created' ? 'inventory.reserved' : type,
      ] as const,
      [
        `notification.sent/${type}.email`,
        [`notification.sent/${type}.email`, `notification.failed/${type}.email`],
        `notification.requested/${type}`,
      ] as const,
    ]),
  ] as const)('is exactly the one event %s that a completed order misses', (id, missing, after) => {
    expect(gapsWithout(completed, id)).toMatchObject([{ missing, after, status: 'missing' }])
  })

  it.each([
    ['payment.failed', ['payment.success', 'payment.failed'], 'payment.confirmation_required'],
    ['inventory.released', ['inventory.released'], 'payment.failed'],
    ['order.cancelled', ['order.cancelled'], 'payment.failed'],
  ] as const)('is exactly the one event %s that a cancelled order misses', (id, missing, after) => {
    expect(gapsWithout(cancelled, id)).toMatchObject([{ missing, after, status: 'missing' }])
  })

  it('is none where the customer’s wish, or the time, has settled it', () => {
    const asked = completed.filter(({ id }) => !id.includes('order.paid.email'))
    const without = asked.filter(({ id }) => !id.endsWith('notification.requested/order.paid'))
    const data = { notificationId: `${orderId}.order.paid`, channel: 'email' as const }
    const settled = (contract: typeof NotificationOptedOut) =>
      told(contract.of(orderId, at(60_000), data, { detail: 'order.paid.email' }))
    const digested = NotificationDigested.of(
      orderId,
      at(60_000),
      { ...data, digestId: 'd' },
      { detail: 'order.paid.email' },
    )
    const gapsOf = (events: Told[]) =>
      storyOf(orderId, events, { now: at(86_400_000), gapAfterMs: 1, money: moneyFormat('en', 'EUR') })?.gaps.map(
        ({ missing }) => missing,
      )
    expect(gapsOf(without)).toEqual([['notification.requested/order.paid']])
    for (const contract of [NotificationOptedOut, NotificationExpired, NotificationCancelled]) {
      expect(gapsOf([...without, settled(contract)])).toEqual([])
      expect(gapsOf([...asked, settled(contract)])).toEqual([])
    }
    expect(gapsOf([...without, told(digested)])).toEqual([])
  })

  it('covers every event of a completed order', () => {
    const silent = completed.filter(({ id }) => gapsWithout(completed, id.slice(orderId.length + 1))?.length !== 1)
    expect(silent).toEqual([])
  })

  it('does not say that anybody was told where only a stand-in took it', () => {
    const data = { notificationId: 'n', channel: 'sms' as const, provider: 'log', providerId: 'n.sms', isStandIn: true }
    const event = told(NotificationSent.of(orderId, at(0), data, { detail: 'order.paid.sms' }))
    const story = tell([...completed, event])
    expect(story?.entries.map(({ sentence }) => sentence)).toContain(
      'the customer was not notified about order.paid: sms has no provider, only a stand-in, log',
    )
  })

  it('tells of what an operator sends again, and waits for what comes of it', () => {
    const data = { notificationId: 'n', channels: ['email' as const], again: { generation: 2, reason: 'it was full' } }
    const asked = NotificationRequested.of(orderId, at(4_000), data, { detail: 'order.paid.email.2' })
    const story = tell([...completed, told(asked)])
    expect(story?.entries.at(-1)?.sentence).toBe(
      'an operator requested another notification about order.paid by email: it was full',
    )
    expect(story?.gaps).toMatchObject([
      { missing: ['notification.sent/order.paid.email.2', 'notification.failed/order.paid.email.2'] },
    ])
    const taken = { notificationId: 'n', channel: 'email' as const, provider: 'smtp', providerId: 'x' }
    const answer = NotificationSent.of(orderId, at(5_000), taken, { detail: 'order.paid.email.2' })
    expect(tell([...completed, told(asked), told(answer)])?.gaps).toEqual([])
  })

  it('waits before it is missing, longest for what is on the road', () => {
    const statusAt = (id: string, now: string) => gapsWithout(completed, id, now)?.map(({ status }) => status)
    expect(statusAt('order.paid', at(60_020))).toEqual(['waiting'])
    expect(statusAt('order.paid', at(60_021))).toEqual(['missing'])
    expect(statusAt('shipping.delivered', at(3_600_020))).toEqual(['waiting'])
    expect(statusAt('shipping.delivered', at(3_600_021))).toEqual(['missing'])
  })

  it('gives the customer until the deadline', () => {
    const asked = cancelled.filter(({ time }) => time < at(900_000))
    expect(tell(asked, at(899_000))?.gaps).toMatchObject([
      { after: 'payment.confirmation_required', sinceMs: 0, status: 'waiting' },
    ])
    expect(tell(asked, at(900_000 + 180_001))?.gaps).toMatchObject([{ sinceMs: 180_001, status: 'missing' }])
  })
})

describe('news that failed', () => {
  const failed = (type: string, detail: string) =>
    told({ ...NotificationFailed.of(orderId, at(40), about, { detail }), id: `${orderId}/${type}/${detail}`, type })
  const about = { notificationId: `${orderId}.order.paid`, channel: 'email' as const, reason: 'bounced' }
  const again = (number: number) =>
    told(
      NotificationRequested.of(
        orderId,
        at(50),
        { ...about, channels: ['email'] },
        { detail: `order.paid.email.${number}` },
      ),
    )
  const sentAgain = (number: number) =>
    told(
      NotificationSent.of(
        orderId,
        at(60),
        { ...about, provider: 'file', providerId: '<2>' },
        { detail: `order.paid.email.${number}` },
      ),
    )
  const untold = completed.filter(({ id }) => id !== `${orderId}/notification.sent/order.paid.email`)

  it.each(['notification.failed', 'notification.undelivered'])('%s leaves a gap until it is sent again', (type) => {
    const before = type === 'notification.failed' ? untold : completed
    const events = [...before, failed(type, 'order.paid.email')]
    expect(tell(events)?.gaps).toMatchObject([{ after: `${type}/order.paid.email`, status: 'failed' }])
    expect(tell([...events, again(2), sentAgain(2)])?.gaps).toEqual([])
  })

  it('a second time is another gap', () => {
    const events = [...untold, failed('notification.failed', 'order.paid.email'), again(2)]
    const twice = [...events, failed('notification.failed', 'order.paid.email.2')]
    expect(tell(twice)?.gaps).toMatchObject([{ missing: ['notification.requested/order.paid.email.3'] }])
    expect(tell([...twice, again(3), sentAgain(3)])?.gaps).toEqual([])
  })

  it('is none when what failed was sent all the same', () => {
    expect(tell([...completed, failed('notification.failed', 'order.paid.email')])?.gaps).toEqual([])
  })
})

describe('money that is owed and was given up', () => {
  const given = {
    totalCents: 1_000,
    reason: 'an operator gave it up after 3 attempts: the payment provider answers 503',
  }
  const abandoned = (detail: string) => told(PaymentRefundAbandoned.of(orderId, at(400), given, { detail }))
  const back = (detail?: string) =>
    told(PaymentRefunded.of(orderId, at(500), { totalCents: 1_000, refundId: 're_1', reason: 'damaged' }, { detail }))
  const wanted = { ...priced, request: '1', totalCents: 1_000, reason: 'damaged', returnToStock: false }
  const requested = told(OrderRefundRequested.of(orderId, at(300), wanted, { detail: '1' }))
  const refusedParcel = told(ShippingFailed.of(orderId, at(300), { reason: 'address_not_served' }))
  const after = (events: Told[]) =>
    tell(events)?.gaps.flatMap(({ after: one, missing, status }) =>
      missing.some((type) => type.startsWith('payment.')) ? [[one, missing.join(' '), status]] : [],
    )

  it('is a gap until it goes back, is refused, or was never charged; given up twice it is the same', () => {
    const part = [...completed, requested, abandoned('1'), abandoned('1.2')]
    const due = 'payment.refunded/1 payment.refund_refused/1'
    expect(after(part)).toEqual([['payment.refund_abandoned/1', due, 'missing']])
    expect(after([...part, back('1')])).toEqual([])
    const whole = [...completed, refusedParcel, abandoned('whole'), abandoned('whole.2')]
    const ends = 'payment.refunded payment.voided'
    expect(after(whole)).toEqual([['payment.refund_abandoned/whole', ends, 'missing']])
    expect(after([...whole, back()])).toEqual([])
    expect(after([...whole, told(PaymentVoided.of(orderId, at(500), {}))])).toEqual([])
  })

  it('is told in words, and says what to do', () => {
    expect(tell([abandoned('whole')])?.entries[0]?.sentence).toBe(
      'the refund owed to the customer was given up, total €10.00: an operator gave it up after 3 attempts: the payment provider answers 503',
    )
    const gap = { orderId, status: 'missing' as const, unanswered: { subject: 1, event: abandoned('whole') } }
    expect(nextStepOf(gap, () => false)).toBe(`POST /payments/${orderId}/refund (payment-service)`)
  })
})

describe('news that a rule holds', () => {
  const held = (channel: 'email' | 'sms', until: string, reason = 'quiet_hours') =>
    told(
      NotificationHeld.of(
        orderId,
        at(25),
        { notificationId: `${orderId}.order.paid`, channel, reason, until },
        { detail: `order.paid.${channel}.${until}` },
      ),
    )
  const asked = (...channels: ('email' | 'sms' | 'webhook')[]) =>
    told(
      NotificationRequested.of(
        orderId,
        at(30),
        { notificationId: `${orderId}.order.paid`, channels },
        { detail: ['order.paid', ...channels].join('.') },
      ),
    )
  const sent = (channel: 'email' | 'sms' | 'webhook') =>
    told(
      NotificationSent.of(
        orderId,
        at(31),
        { notificationId: `${orderId}.order.paid`, channel, provider: 'log', providerId: '1' },
        { detail: `order.paid.${channel}` },
      ),
    )
  const unsaid = completed.filter(({ id }) => !/notification\.\w+\/order\.paid/.test(id))
  const morning = at(8 * 3_600_000)
  const noon = at(12 * 3_600_000)
  const gap = (until: string, more: object) => ({
    missing: ['notification.requested/order.paid.email'],
    after: 'notification.held/order.paid.email',
    since: at(25),
    held: { until, because: 'quiet_hours' },
    overdueAt: new Date(Date.parse(until) + 60_000).toISOString(),
    ...more,
  })

  it('are held until their time, then waited for, and missing when they do not come', () => {
    const events = [...unsaid, held('email', morning)]
    expect(tell(events, at(3_600_000))?.gaps).toEqual([gap(morning, { status: 'held', sinceMs: 0 })])
    expect(tell(events, at(8 * 3_600_000 + 60_000))?.gaps).toEqual([
      gap(morning, { status: 'waiting', sinceMs: 60_000 }),
    ])
    expect(tell(events, at(8 * 3_600_000 + 60_001))?.gaps).toEqual([
      gap(morning, { status: 'missing', sinceMs: 60_001 }),
    ])
  })

  it('are held until the last of their times, in whatever order that is heard', () => {
    for (const events of [
      [held('email', morning), held('email', noon)],
      [held('email', noon), held('email', morning)],
    ])
      expect(tell([...unsaid, ...events], at(9 * 3_600_000))?.gaps).toEqual([gap(noon, { status: 'held', sinceMs: 0 })])
  })

  it('are no gap any more once they are asked for, alone or with another channel, or have ended', () => {
    const data = { notificationId: `${orderId}.order.paid`, channel: 'email' as const, digestId: 'd' }
    const digested = told(NotificationDigested.of(orderId, at(40), data, { detail: 'order.paid.email' }))
    for (const events of [
      [asked('email'), sent('email')],
      [asked('email', 'sms'), sent('email'), sent('sms')],
      [digested],
    ])
      expect(tell([...unsaid, held('email', morning), ...events])?.gaps).toEqual([])
  })

  it('leave each channel its own way: one is told at once, the other one later', () => {
    const events = [...unsaid, held('email', morning), asked('webhook')]
    expect(tell([...events, sent('webhook')], at(3_600_000))?.gaps).toEqual([
      gap(morning, { status: 'held', sinceMs: 0 }),
    ])
    expect(tell([...events, asked('email'), sent('email')])?.gaps).toMatchObject([
      {
        missing: ['notification.sent/order.paid.webhook', 'notification.failed/order.paid.webhook'],
        status: 'missing',
      },
    ])
    expect(tell([...events, sent('webhook'), asked('email'), sent('email')])?.gaps).toEqual([])
  })

  it('are told in words', () => {
    const events = [
      held('email', morning),
      held('sms', noon, 'digest'),
      held('sms', morning, 'throttled'),
      held('sms', at(1), 'a_new_rule'),
    ]
    expect(events.map((event) => tell([event])?.entries[0]?.sentence)).toEqual([
      `the notification about order.paid by email is held until ${morning} because of quiet hours`,
      `the notification about order.paid by sms is held until ${noon} for a digest`,
      `the notification about order.paid by sms is held until ${morning} because of the throttle`,
      `the notification about order.paid by sms is held until ${at(1)}: a_new_rule`,
    ])
    const story = tell([...unsaid, held('email', morning)], at(3_600_000)) ?? expect.fail()
    expect(textOf(story)).toContain(
      `\n  held     notification.requested/order.paid.email, until ${morning}: quiet_hours\n`,
    )
  })
})

// An order follows from its facts, in whatever order and how often they arrive.
import { permutations } from '@orders/shared/testing'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { asPlaced, cancellationFor, isSamePlacement, learn, linesOf, mayBePaid, orderOf } from '../domain.ts'
import type { Fact, Placed } from '../facts.ts'

const at = (second: number) => `2026-01-01T00:00:0${second}.000Z`
const placed: Placed = { user: 'ann', priority: 'standard', lines: [{ sku: 'item1', quantity: 1 }] }
const priced = [{ sku: 'item1', quantity: 1, unitPriceCents: 1_000 }]

const created: Fact = { type: 'order.created', at: at(0), data: placed }
const reserved: Fact = { type: 'inventory.reserved', at: at(1), data: { lines: priced, totalCents: 1_000 } }
const change = { expectedTotalCents: 900, totalCents: 1_000, currency: 'CHF' }
const repriced: Fact = { type: 'inventory.price_changed', at: at(1), data: change }
const outOfStock: Fact = { type: 'inventory.out_of_stock', at: at(1), data: { missing: [{ sku: 'item1' }] } }
const confirmation: Fact = { type: 'payment.confirmation_required', at: at(2), data: {} }
const cancelRequested: Fact = { type: 'order.cancel_requested', at: at(2), data: {} }
const paid: Fact = { type: 'payment.success', at: at(3), data: {} }
const unpaid: Fact = { type: 'payment.failed', at: at(3), data: { reason: 'declined' } }
const cancelled: Fact = { type: 'payment.failed', at: at(3), data: { reason: 'cancelled_by_customer' } }
const prepared: Fact = { type: 'shipping.prepared', at: at(4), data: { trackingId: 'T1' } }
const refused: Fact = { type: 'shipping.failed', at: at(4), data: { reason: 'address_not_served' } }
const delivered: Fact = { type: 'shipping.delivered', at: at(5), data: {} }

const line = { sku: 'item1', quantity: 1, unitPriceCents: 1_000 }
const data = {
  key: 'k',
  wanted: { reason: 'damaged' },
  lines: [line],
  totalCents: 1_000,
  reason: 'damaged',
  returnToStock: true,
}
const refundAsked: Fact = { type: 'order.refund_requested', detail: '1', at: at(6), data }
const refunded: Fact = {
  type: 'payment.refunded',
  detail: '1',
  at: at(7),
  data: { totalCents: 1_000, reason: 'damaged' },
}
const refundRefused: Fact = { type: 'payment.refund_refused', detail: '1', at: at(7), data: { reason: 'nothing_left' } }
const wentBack: Fact = {
  type: 'payment.refunded',
  at: at(7),
  data: { totalCents: 1_000, reason: 'address_not_served' },
}

interface Told {
  facts: readonly Fact[]
  said: string[]
}
const untold: Told = { facts: [], said: [] }

function tellOne({ facts, said }: Told, fact: Fact): Told {
  const learnt = learn('o1', facts, fact)
  return { facts: learnt.state ?? facts, said: [...said, ...learnt.messages.map(({ id }) => id)] }
}

/** Learns the facts one by one; what is known in the end, and everything that was said on the way. */
function tell(arrivals: readonly Fact[]): Told {
  return arrivals.reduce(tellOne, untold)
}

/** After every order of the facts that are left; those that begin alike share their beginning. */
function endsOf(told: Told, left: readonly Fact[]): Told[] {
  if (left.length === 0) return [told]
  return left.flatMap((fact) =>
    endsOf(
      tellOne(told, fact),
      left.filter((other) => other !== fact),
    ),
  )
}

/** Said of an order that was known to be cancelled by then, it would be untrue. */
function isOvertaken(id: string, { facts }: Told): boolean {
  const cause = { 'o1/order.paid': paid, 'o1/order.shipped': prepared, 'o1/order.completed': delivered }[id]
  const ended = facts.findIndex(({ type }) => /failed|out_of_stock|price_changed/.test(type))
  // Before the order itself is known, nothing is said of it.
  const said = Math.max(
    facts.indexOf(created),
    facts.findIndex(({ type }) => type === cause?.type),
  )
  return cause !== undefined && ended !== -1 && ended < said
}

const delivery = ['order.completed', 'order.created', 'order.paid']
const factorial = (count: number): number => (count === 0 ? 1 : count * factorial(count - 1))

const stories: { name: string; facts: Fact[]; status: string; reason: string | null; said: string[] }[] = [
  {
    name: 'delivered',
    facts: [created, reserved, paid, prepared, delivered],
    status: 'completed',
    reason: null,
    said: ['order.completed', 'order.created', 'order.paid', 'order.shipped'],
  },
  {
    name: 'delivered after a confirmation and a cancellation that came too late',
    facts: [created, reserved, confirmation, cancelRequested, paid, prepared, delivered],
    status: 'completed',
    reason: null,
    said: ['order.cancel_requested', 'order.completed', 'order.created', 'order.paid', 'order.shipped'],
  },
  {
    name: 'sold out',
    facts: [created, outOfStock],
    status: 'cancelled',
    reason: 'out_of_stock',
    said: ['order.cancelled', 'order.created'],
  },
  {
    name: 'at a price that has changed',
    facts: [created, repriced],
    status: 'cancelled',
    reason: 'price_changed',
    said: ['order.cancelled', 'order.created'],
  },
  {
    name: 'not paid',
    facts: [created, reserved, confirmation, cancelRequested, unpaid],
    status: 'cancelled',
    reason: 'declined',
    said: ['order.cancel_requested', 'order.cancelled', 'order.created'],
  },
  {
    name: 'refused by the carrier',
    facts: [created, reserved, paid, refused, wentBack],
    status: 'cancelled',
    reason: 'address_not_served',
    said: ['order.cancelled', 'order.created', 'order.paid'],
  },
  {
    name: 'paid back after its delivery',
    facts: [created, reserved, paid, prepared, delivered, refundAsked, refunded],
    status: 'completed',
    reason: null,
    said: [...delivery, 'order.refund_requested/1', 'order.shipped'],
  },
  {
    name: 'not paid back although an operator wanted so',
    facts: [created, reserved, paid, prepared, delivered, refundAsked, refundRefused],
    status: 'completed',
    reason: null,
    said: [...delivery, 'order.refund_requested/1', 'order.shipped'],
  },
]

describe.each(stories)('an order that is $name', ({ facts, status, reason, said }) => {
  it('ends the same in every order of arrival, and says each thing once', () => {
    const ends = new Map<string, number>()
    for (const told of endsOf(untold, facts)) {
      const order = orderOf('o1', told.facts)
      // What a cancellation that was known before has made untrue is not said; see below.
      const expected = said.map((type) => `o1/${type}`).filter((id) => told.said.includes(id) || !isOvertaken(id, told))
      const end = JSON.stringify([order?.status, order?.reason, ...told.said.sort()])
      expect(end).toBe(JSON.stringify([status, reason, ...expected]))
      ends.set(end, (ends.get(end) ?? 0) + 1)
    }
    expect([...ends.values()].reduce((sum, count) => sum + count)).toBe(factorial(facts.length))
  })

  it('is not changed by repeats', () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...facts), { maxLength: 20 }), (arrivals) => {
        const first = arrivals.filter((fact, index) => arrivals.indexOf(fact) === index)
        expect(tell(arrivals)).toEqual(tell(first))
      }),
    )
  })
})

describe('an order that is known to be cancelled', () => {
  it('is not said to be paid or on its way, whatever is learnt of it afterwards', () => {
    const refused: Fact = { type: 'shipping.failed', at: created.at, data: { reason: 'address_not_served' } }
    const { said } = tell([created, reserved, refused, paid, prepared, delivered])
    expect(said).toEqual(['o1/order.created', 'o1/order.cancelled'])
  })
})

describe('an order on its way', () => {
  it('tells, and shows, who carries it and where it can be followed', () => {
    const parcel = { trackingId: 'T1', carrier: 'post', trackingUrl: 'https://post.example/T1' }
    const told: Fact = { type: 'shipping.prepared', at: at(4), data: parcel }
    expect(learn('o1', [created, reserved, paid], told).messages).toMatchObject([
      { type: 'order.shipped', data: parcel },
    ])
    expect(orderOf('o1', [created, reserved, paid, told])).toMatchObject(parcel)
    expect(orderOf('o1', [created])).toMatchObject({ trackingId: null, carrier: null, trackingUrl: null })
  })
})

describe('a cancellation', () => {
  const asked = { status: 'requested', reason: null, at: at(2) }
  it.each([
    ['is not there until somebody asks', [created, reserved], null],
    ['is asked for', [created, reserved, cancelRequested], asked],
    [
      'is granted by payment',
      [created, reserved, cancelRequested, cancelled],
      { status: 'granted', reason: 'cancelled_by_customer', at: at(3) },
    ],
    [
      'of an order that ends otherwise is granted too, and says why it ended',
      [created, cancelRequested, outOfStock],
      { status: 'granted', reason: 'out_of_stock', at: at(1) },
    ],
    [
      'is refused by the charge',
      [created, reserved, cancelRequested, paid],
      { status: 'refused', reason: 'already_paid', at: at(3) },
    ],
    [
      'that the charge refused stays refused, whatever the carrier says',
      [created, reserved, cancelRequested, paid, refused],
      { status: 'refused', reason: 'already_paid', at: at(3) },
    ],
  ] as const)('%s, in every order of arrival', (_, facts, expected) => {
    for (const arrivals of permutations<Fact>(facts))
      expect(orderOf('o1', tell(arrivals).facts)?.cancellation).toEqual(expected)
  })
})

describe('the status', () => {
  it.each([
    ['created', [created]],
    ['reserved', [created, reserved]],
    ['awaiting_confirmation', [created, reserved, confirmation]],
    ['paid', [created, reserved, confirmation, paid]],
    ['shipped', [created, reserved, paid, prepared]],
    ['completed', [created, reserved, paid, prepared, delivered]],
  ])('is %s when the facts say so', (status, facts) => {
    expect(orderOf('o1', facts)?.status).toBe(status)
  })

  it('is not known before the order is placed, and nothing is said', () => {
    const told = tell([reserved, paid, prepared])
    expect(orderOf('o1', told.facts)).toBeUndefined()
    expect(told.said).toEqual([])
  })
})

describe('a message', () => {
  it('carries the lines, the total and the contact to whoever tells the customer', () => {
    const contact = { email: 'ann@example.org' }
    const facts: Fact[] = [{ ...created, type: 'order.created', data: { ...placed, contact } }, reserved]
    const [message] = learn('o1', facts, paid).messages
    expect(message).toMatchObject({ type: 'order.paid', data: { contact, lines: priced, totalCents: 1_000 } })
  })

  it('of an express order overtakes, and bad news overtakes too', () => {
    const express: Fact = { type: 'order.created', at: at(0), data: { ...placed, priority: 'express' } }
    expect(learn('o1', [], express).messages[0]?.priority).toBeGreaterThan(
      learn('o1', [], created).messages[0]?.priority ?? 99,
    )
    expect(learn('o1', [created], outOfStock).messages[0]?.priority).toBe(9)
    expect(learn('o1', [created], repriced).messages[0]?.priority).toBe(9)
  })
})

describe('the lines', () => {
  it('of a SKU named twice add up', () => {
    expect(linesOf(['b', { sku: 'a', quantity: 2 }, 'a'])).toEqual([
      { sku: 'a', quantity: 3 },
      { sku: 'b', quantity: 1 },
    ])
  })
})

describe('a repeated placement', () => {
  it('is the same whatever the order of its fields, and another one when anything differs', () => {
    const { user, ...rest } = placed
    expect(isSamePlacement({ ...rest, user }, [created])).toBe(true)
    expect(isSamePlacement({ ...placed, user: 'bob' }, [created])).toBe(false)
    expect(isSamePlacement({ ...placed, priority: 'express' }, [created])).toBe(false)
    expect(isSamePlacement(placed, [])).toBe(false)
  })

  it('is answered with the order as it was placed, however far it has come', () => {
    expect(asPlaced('o1', [created, reserved, paid])).toEqual(asPlaced('o1', [created]))
  })
})

describe('a cancellation', () => {
  it.each([
    [[created], 'possible'],
    [[created, reserved, confirmation], 'possible'],
    [[created, reserved, paid], 'too_late'],
    [[created, reserved, paid, prepared, delivered], 'too_late'],
    [[created, outOfStock], 'done'],
  ] as [Fact[], string][])('of an order with %j is %s', (facts, expected) => {
    const order = orderOf('o1', facts)
    expect(order && cancellationFor(order)).toBe(expected)
  })
})

it('what the customer agreed to pay goes to inventory only, and why it came to nothing to the customer', () => {
  const expecting: Fact = { ...created, data: { ...created.data, expectedTotalCents: 900 } }
  const [placed] = learn('o1', [], expecting).messages
  expect(placed).toMatchObject({ type: 'order.created', data: { expectedTotalCents: 900 } })
  const [cancelled] = learn('o1', [expecting], repriced).messages
  expect(cancelled?.data).toMatchObject({
    reason: 'price_changed',
    currency: 'CHF',
    priceChange: { expectedTotalCents: 900, totalCents: 1_000 },
  })
  expect(cancelled?.data).not.toHaveProperty('expectedTotalCents')
  expect(cancelled?.data).not.toHaveProperty('totalCents')
  expect(mayBePaid([expecting, repriced])).toBe(false)
})

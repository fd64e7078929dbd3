// Which refunds an order has, what may still be asked for, and that a refund is shown the same in whatever order its news came.
import { permutations } from '@orders/shared/testing'
import { describe, expect, it } from 'vitest'
import { learn, orderOf } from '../domain.ts'
import type { Fact, WantedRefund } from '../facts.ts'
import { refundRequested } from '../refunds.ts'

const at = '2026-01-01T00:00:00.000Z'
const line = (sku: string, quantity: number, unitPriceCents: number) => ({ sku, quantity, unitPriceCents })
const ordered = [line('a', 2, 500), line('b', 1, 300)]
const created: Fact = {
  type: 'order.created',
  at,
  data: { user: 'ann', priority: 'standard', lines: [{ sku: 'a', quantity: 2 }] },
}
const reserved: Fact = { type: 'inventory.reserved', at, data: { lines: ordered, totalCents: 1_300 } }
const paid: Fact = { type: 'payment.success', at, data: {} }
const prepared: Fact = { type: 'shipping.prepared', at, data: { trackingId: 'T' } }
const delivered: Fact = { type: 'shipping.delivered', at, data: {} }
const failed: Fact = { type: 'payment.failed', at, data: { reason: 'declined' } }
const shipped = [created, reserved, paid, prepared]
const completed = [...shipped, delivered]

function ask(facts: readonly Fact[], wanted: Partial<WantedRefund> = {}, key = 'k') {
  const order = orderOf('o1', facts)
  if (!order) throw new Error('there is no order')
  return refundRequested(order, facts, { key, wanted: { reason: 'damaged', ...wanted }, at })
}
function asked(facts: readonly Fact[], wanted: Partial<WantedRefund> = {}): Fact {
  const fact = ask(facts, wanted)
  if ('code' in fact) throw new Error(fact.code)
  return fact
}
const refundOf = (facts: readonly Fact[]) => orderOf('o1', facts)?.refunds

describe('a refund', () => {
  it('is of everything, with the goods put back, once the order is delivered', () => {
    expect(ask(completed)).toMatchObject({
      detail: '1',
      data: { lines: ordered, totalCents: 1_300, returnToStock: true, reason: 'damaged' },
    })
    expect(ask(shipped)).toMatchObject({ data: { returnToStock: false } })
    expect(ask(shipped, { returnToStock: true })).toMatchObject({ data: { returnToStock: true } })
  })

  it('of lines costs what they cost, and leaves the rest for the next', () => {
    const first = asked(completed, { lines: [{ sku: 'a', quantity: 1 }] })
    expect(first).toMatchObject({ detail: '1', data: { totalCents: 500, lines: [line('a', 1, 500)] } })
    const next = asked([...completed, first])
    expect(next).toMatchObject({
      detail: '2',
      data: { totalCents: 800, lines: [line('a', 1, 500), line('b', 1, 300)] },
    })
    expect(ask([...completed, first, next])).toMatchObject({ code: 'nothing_left_to_refund' })
  })

  it('that payment refuses may be asked for again', () => {
    const first = asked(completed)
    const refused: Fact = { type: 'payment.refund_refused', detail: '1', at, data: { reason: 'card_closed' } }
    expect(asked([...completed, first, refused])).toMatchObject({ detail: '2', data: { totalCents: 1_300 } })
  })

  it.each([
    ['order_not_paid', [created, reserved]],
    ['parcel_in_preparation', [created, reserved, paid]],
    ['order_already_cancelled', [created, reserved, failed]],
  ])('is refused: %s', (code, facts) => expect(ask(facts)).toMatchObject({ code }))

  it.each([
    ['more than was ordered', [{ sku: 'a', quantity: 3 }]],
    ['what was not ordered', [{ sku: 'c', quantity: 1 }]],
  ])('is refused for %s', (_, lines) =>
    expect(ask(completed, { lines })).toMatchObject({ code: 'nothing_left_to_refund' }),
  )

  it('ends the same in every order of arrival', () => {
    const request = asked(completed, { lines: [{ sku: 'b', quantity: 1 }] })
    const done: Fact = { type: 'payment.refunded', detail: '1', at, data: { totalCents: 300, reason: 'damaged' } }
    for (const facts of permutations([created, reserved, paid, request, done])) {
      const told = facts.reduce<readonly Fact[]>((known, fact) => learn('o1', known, fact).state ?? known, [])
      expect(orderOf('o1', told)).toMatchObject({ refundedCents: 300, refunds: [{ status: 'refunded', request: '1' }] })
    }
  })

  it('of an order that the carrier refused needs no request', () => {
    const byItself: Fact = { type: 'payment.refunded', at, data: { totalCents: 1_300, reason: 'address_not_served' } }
    const refused: Fact = { type: 'shipping.failed', at, data: { reason: 'address_not_served' } }
    expect(refundOf([created, reserved, paid, refused, byItself])).toEqual([
      { status: 'refunded', totalCents: 1_300, lines: [], reason: 'address_not_served', at },
    ])
  })
})

// What the tests of shipping-service have in common: one paid order, one moment.
import type { Booking, Paid, Terms } from '../domain.ts'

export const now = '2026-01-05T10:00:00.000Z'
export const terms: Terms = { transitMs: 2_000 }
export const booking: Booking = { outcome: 'booked', trackingId: 'SIM-1', carrier: 'simulated-post' }
export const refusal: Booking = { outcome: 'refused', reason: 'address_not_served' }

export const paid: Paid = {
  user: 'gayal',
  priority: 'express',
  shippingAddress: '1 Harbour Street',
  lines: [{ sku: 'item1', quantity: 2, unitPriceCents: 1_250 }],
  totalCents: 2_500,
  chargeId: 'ch_1',
}

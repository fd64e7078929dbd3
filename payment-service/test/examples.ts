// What the tests of payment-service have in common: one order, one moment, one set of terms.
import type { Reservation, Terms } from '../domain.ts'

export const now = '2026-01-05T10:00:00.000Z'
export const terms: Terms = { confirmAboveCents: 100_000, confirmWithinMs: 900_000 }
export const confirmBefore = '2026-01-05T10:15:00.000Z'

export const small: Reservation = {
  user: 'gayal',
  priority: 'standard',
  paymentMethod: 'tok_visa',
  lines: [{ sku: 'item1', quantity: 2, unitPriceCents: 1_250 }],
  totalCents: 2_500,
}

/** Too dear to be charged without the customer's word. */
export const large: Reservation = { ...small, priority: 'express', totalCents: 100_001 }

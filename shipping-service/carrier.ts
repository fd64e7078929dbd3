// The port to the carrier, and a simulated carrier. It needs no database, since the same question always gets the same answer.
//
// A real carrier can replace it if a booking is idempotent by our key. After a giveUp, a booking that the carrier may have made
// without answering must be cancelled by its key, as payment-service does with a charge.
import { createHash } from 'node:crypto'
import type { PricedLine } from '@orders/shared/contracts'
import type { Breaker } from '@orders/shared/runtime'
import type { Booking } from './domain.ts'

export interface BookingRequest {
  key: string
  /** Undefined: the parcel goes to the address that the carrier has of the customer. */
  address: string | undefined
  lines: PricedLine[]
}

/**
 * A repeat with the same key is the same parcel. Throws a TransientError with `isOutside` while the carrier cannot be reached.
 */
export interface Carrier {
  book(request: BookingRequest, signal: AbortSignal): Promise<Booking>
}

/** Adds a breaker. While it is open, no call is made, and `guard` tells the handler beforehand. */
export function guarded(carrier: Carrier, breaker: Breaker): Carrier & { guard: Breaker } {
  return { guard: breaker, book: (request, signal) => breaker.call(() => carrier.book(request, signal)) }
}

/** Takes every parcel, unless its address contains the word `nowhere`: that one is refused for good. */
export function openSimulatedCarrier(): Carrier {
  return {
    async book({ key, address = '' }) {
      if (/\bnowhere\b/i.test(address)) return { outcome: 'refused', reason: 'address_not_served' }
      const trackingId = `SIM-${createHash('sha256').update(key).digest('hex').slice(0, 12).toUpperCase()}`
      return { outcome: 'booked', trackingId, carrier: 'simulated-post' }
    },
  }
}

// The course of an order: which kinds of news come before each kind, and which later news makes it obsolete.
import type { Course, Kind } from '../timelines/domain.ts'

const CREATED = 'order.created'
const TO_CONFIRM = 'payment.confirmation_required'
const REMINDER = 'reminder'
const PAID = 'order.paid'
const SHIPPED = 'order.shipped'
const COMPLETED = 'order.completed'
const CANCELLED = 'order.cancelled'
const BEGUN = [CREATED, TO_CONFIRM, REMINDER]
const DONE = [PAID, SHIPPED, COMPLETED]

const kinds: Record<string, Kind> = {
  // Goods and price of an order matter to the customer until it is cancelled.
  [CREATED]: { untrueAfter: [CANCELLED], oldAfter: [], follows: [] },
  [TO_CONFIRM]: { untrueAfter: [...DONE, CANCELLED], oldAfter: [], follows: [CREATED] },
  [REMINDER]: { untrueAfter: [...DONE, CANCELLED], oldAfter: [], follows: [CREATED, TO_CONFIRM] },
  [PAID]: { untrueAfter: [CANCELLED], oldAfter: [SHIPPED, COMPLETED], follows: BEGUN },
  [SHIPPED]: { untrueAfter: [CANCELLED], oldAfter: [COMPLETED], follows: [...BEGUN, PAID] },
  [COMPLETED]: { untrueAfter: [], oldAfter: [], follows: [...BEGUN, PAID, SHIPPED], isAlwaysSaid: true },
  [CANCELLED]: { untrueAfter: [], oldAfter: [], follows: [...BEGUN, PAID, SHIPPED], isAlwaysSaid: true },
  follow_up: { untrueAfter: [], oldAfter: [], follows: [...BEGUN, ...DONE] },
  // An order that failed after its payment. Another service publishes the cancellation, which may arrive later.
  'payment.refunded': {
    untrueAfter: [],
    oldAfter: [],
    follows: [...BEGUN, CANCELLED],
    awaits: CANCELLED,
    isAlwaysSaid: true,
  },
  // A refund by an operator, possible at any time after the payment. An order may have several.
  refund: { untrueAfter: [], oldAfter: [], follows: [...BEGUN, PAID, CANCELLED], isAlwaysSaid: true },
}

export const courseOfOrders: Course = {
  kinds,
  kindOf(eventType) {
    if (eventType.startsWith('payment.refunded.')) return 'refund'
    // The steps of a sequence are numbered.
    return /^(.+)\.\d+$/.exec(eventType)?.[1] ?? eventType
  },
}

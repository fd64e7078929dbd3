// The course of an order, as its customer is told of it: what each kind of news comes after, and what makes it needless.
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
  // What was ordered and for how much is worth knowing until there is no order any more.
  [CREATED]: { untrueAfter: [CANCELLED], oldAfter: [], follows: [] },
  [TO_CONFIRM]: { untrueAfter: [...DONE, CANCELLED], oldAfter: [], follows: [CREATED] },
  [REMINDER]: { untrueAfter: [...DONE, CANCELLED], oldAfter: [], follows: [CREATED, TO_CONFIRM] },
  [PAID]: { untrueAfter: [CANCELLED], oldAfter: [SHIPPED, COMPLETED], follows: BEGUN },
  [SHIPPED]: { untrueAfter: [CANCELLED], oldAfter: [COMPLETED], follows: [...BEGUN, PAID] },
  [COMPLETED]: { untrueAfter: [], oldAfter: [], follows: [...BEGUN, PAID, SHIPPED], isAlwaysSaid: true },
  [CANCELLED]: { untrueAfter: [], oldAfter: [], follows: [...BEGUN, PAID, SHIPPED], isAlwaysSaid: true },
  follow_up: { untrueAfter: [], oldAfter: [], follows: [...BEGUN, ...DONE] },
  // Of an order that failed after its payment; that it did is said by another service, and maybe later.
  'payment.refunded': {
    untrueAfter: [],
    oldAfter: [],
    follows: [...BEGUN, CANCELLED],
    awaits: CANCELLED,
    isAlwaysSaid: true,
  },
  // Wanted by an operator, at any time after the payment; an order may have several.
  refund: { untrueAfter: [], oldAfter: [], follows: [...BEGUN, PAID, CANCELLED], isAlwaysSaid: true },
}

export const courseOfOrders: Course = {
  kinds,
  kindOf(eventType) {
    if (eventType.startsWith('payment.refunded.')) return 'refund'
    // Steps of a sequence are numbered.
    return /^(.+)\.\d+$/.exec(eventType)?.[1] ?? eventType
  },
}

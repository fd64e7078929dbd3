// The kinds of order, what their customers do, and how each may end.
import type { Random } from '@orders/shared/testing'

export interface Plan {
  orderId: string
  kind: Kind['name']
  form: Form
  /** What its customer does after placing it. */
  afterwards: 'waits' | 'confirms' | 'cancels' | 'cancels_when_asked' | 'gives_back' | 'gives_back_parts'
  /** `completed`, or the reason of its cancellation. */
  mayEnd: readonly string[]
}

interface Form {
  user: string
  items: (string | { sku: string; quantity: number })[]
  priority?: 'express'
  contact?: { email?: string; phone?: string; push?: string; webhook?: string }
  paymentMethod?: string
  shippingAddress?: string
  expectedTotalCents?: number
}

interface Kind {
  name: string
  share: number
  mayEnd: readonly string[]
  form: Partial<Form>
  afterwards?: Plan['afterwards']
}

/** Refused for good by every provider of messages. */
export const REFUSED_ADDRESS = 'nobody@refused.example'
/** Restocked now and then by an operator, never enough for all. */
export const SCARCE = 'scarce'
/** Its price goes up and down. */
export const REPRICED = 'item7'
export const PRICES = [6_500, 7_000]
/** Above the limit from which the customer must confirm. */
const DEAR = [{ sku: 'item10', quantity: 11 }]
const ALL_CHANNELS = {
  email: 'ann@example.com',
  phone: '+49 151 000',
  push: 'device-1',
  webhook: 'https://example.com',
}

const kinds: Kind[] = [
  { name: 'plain', share: 30, mayEnd: ['completed'], form: {} },
  { name: 'express', share: 8, mayEnd: ['completed'], form: { priority: 'express', items: ['item4'] } },
  { name: 'paid back', share: 4, mayEnd: ['completed'], form: {}, afterwards: 'gives_back' },
  { name: 'paid back in parts', share: 4, mayEnd: ['completed'], form: {}, afterwards: 'gives_back_parts' },
  { name: 'slow to charge', share: 3, mayEnd: ['completed'], form: { paymentMethod: 'tok_slow' } },
  { name: 'told everywhere', share: 4, mayEnd: ['completed'], form: { contact: ALL_CHANNELS } },
  { name: 'told nowhere', share: 2, mayEnd: ['completed'], form: { contact: { email: REFUSED_ADDRESS } } },
  { name: 'sold out', share: 5, mayEnd: ['out_of_stock'], form: { items: ['item3', 'soldout'] } },
  { name: 'unknown goods', share: 1, mayEnd: ['out_of_stock'], form: { items: ['unicorn'] } },
  { name: 'scarce', share: 8, mayEnd: ['completed', 'out_of_stock'], form: { items: [SCARCE, 'item1'] } },
  { name: 'at its price', share: 4, mayEnd: ['completed'], form: { expectedTotalCents: 5_000 } },
  {
    name: 'at a price that changes',
    share: 6,
    mayEnd: ['completed', 'price_changed'],
    form: { items: [REPRICED], expectedTotalCents: 7_000 },
  },
  { name: 'declined', share: 6, mayEnd: ['declined'], form: { paymentMethod: 'tok_declined' } },
  { name: 'gateway down', share: 4, mayEnd: ['gateway_unavailable'], form: { paymentMethod: 'tok_gateway_down' } },
  { name: 'answer lost', share: 4, mayEnd: ['gateway_unavailable'], form: { paymentMethod: 'tok_answer_lost' } },
  { name: 'refused', share: 5, mayEnd: ['address_not_served'], form: { shippingAddress: 'nowhere' } },
  {
    name: 'confirmed',
    share: 5,
    mayEnd: ['completed', 'confirmation_timeout'],
    form: { items: DEAR },
    afterwards: 'confirms',
  },
  { name: 'never confirmed', share: 3, mayEnd: ['confirmation_timeout'], form: { items: DEAR } },
  {
    name: 'cancelled when asked',
    share: 3,
    mayEnd: ['cancelled_by_customer', 'confirmation_timeout'],
    form: { items: DEAR },
    afterwards: 'cancels_when_asked',
  },
  { name: 'cancelled', share: 7, mayEnd: ['completed', 'cancelled_by_customer'], form: {}, afterwards: 'cancels' },
  {
    name: 'cancelled and slow',
    share: 2,
    mayEnd: ['completed', 'cancelled_by_customer'],
    form: { paymentMethod: 'tok_slow' },
    afterwards: 'cancels',
  },
]

/** Where the outside world had to be asked again and again, it may have stayed silent too long. */
export const OUTAGES = ['gateway_unavailable', 'carrier_unavailable']

export function planOf(number: number, random: Random): Plan {
  const { name, form, mayEnd, afterwards = 'waits' } = draw(random)
  return {
    orderId: `order-${number}`,
    kind: name,
    form: { user: `user${number}`, items: ['item1', { sku: 'item2', quantity: 2 }], ...form },
    afterwards,
    mayEnd,
  }
}

function draw(random: Random): Kind {
  const [first, ...others] = kinds
  if (!first) throw new Error('there are no kinds of order')
  let left = random.next() * kinds.reduce((sum, { share }) => sum + share, 0)
  for (const kind of [first, ...others]) {
    left -= kind.share
    if (left < 0) return kind
  }
  return first
}

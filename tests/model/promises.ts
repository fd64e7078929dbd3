// What must hold of every order, whatever comes when, twice or late: all that is written by hand here. It says what the choreography is
// for, not how it goes.
import { orders } from '@orders/shared/contracts'
import type { Stock } from '../../inventory-service/domain.ts'
import { orderOf } from '../../order-service/domain.ts'
import type { Fact } from '../../order-service/facts.ts'
import type { Memory } from './choreography.ts'
import type { Explored } from './explore.ts'
import { type Books, paidBack } from './outside.ts'
import { ORDER } from './people.ts'

/** A proposition about what one service knows, or what the books of the outside say. */
type Seen<Of> = Readonly<Record<string, (known: Of) => boolean>>

const factsOf = (memory: Memory) => (memory[`orders ${ORDER}`] ?? []) as readonly Fact[]
const statusOf = (memory: Memory) => orderOf(ORDER, factsOf(memory))
const stockOf = (memory: Memory) =>
  Object.entries(memory).flatMap(([key, value]) => (key.startsWith('stock ') ? [value as Stock] : []))

/** The facts of others that an order shows. */
const SHOWN = orders.heard['order.queue'] ?? []

export const seenOf: Readonly<Record<string, Seen<Memory>>> = {
  order: {
    placed: (memory) => statusOf(memory) !== undefined,
    completed: (memory) => statusOf(memory)?.status === 'completed',
    cancelled: (memory) => statusOf(memory)?.status === 'cancelled',
    unanswered: (memory) => {
      const order = statusOf(memory)
      return (
        order?.cancellation?.status === 'requested' ||
        order?.refunds.some(({ status }) => status === 'requested') === true
      )
    },
    ...Object.fromEntries(
      SHOWN.map((type) => [
        `knows_${nameOf(type)}`,
        (memory: Memory) => factsOf(memory).some((fact) => fact.type === type),
      ]),
    ),
  },
  inventory: {
    untouched: (memory) => stockOf(memory).every(({ reserved, committed }) => reserved === 0 && committed === 0),
    sold: (memory) => stockOf(memory).some(({ committed }) => committed > 0),
  },
}

export const seenInBooks: Seen<Books> = {
  charged: ({ account }) => account === 'charged',
  paidBack: (books) => paidBack(books) === books.chargedCents,
  paidBackTooMuch: (books) => paidBack(books) > books.chargedCents,
  shipped: ({ parcel }) => parcel === 'booked',
}

/** Whoever decides a fork says one of these, once. */
export const FORKS = [
  ['inventory.reserved', 'inventory.out_of_stock', 'inventory.price_changed'],
  ['payment.success', 'payment.failed'],
  ['shipping.prepared', 'shipping.failed'],
  ['order.completed', 'order.cancelled'],
]

export interface Promised {
  /** In words, for whoever reads a story that breaks it. */
  text: string
  /** In Promela, over the propositions of the services, of the outside, and `said_<type>`. */
  holds: string
}

/** At every moment. */
export function alwaysIn({ signals }: Pick<Explored, 'signals'>): Promised[] {
  const oneWord = contradictions(signals)
  return [
    { text: 'no published message becomes a dead letter', holds: '!given_up' },
    ...FORKS.map((types) => ({
      text: `of ${types.join(' and ')} at most one is published`,
      holds: oneOf(types.map(saidOf)),
    })),
    { text: 'no event is published again with other content', holds: oneWord },
    { text: 'no more is refunded than was charged', holds: '!outside_paidBackTooMuch' },
  ]
}

/** When nothing is under way any more. */
export const AT_THE_END: readonly Promised[] = [
  { text: 'every order ends, completed or cancelled', holds: '(!order_placed || order_completed || order_cancelled)' },
  {
    text: 'the event about how an order ended is published',
    holds: '(order_completed == said_order_completed && order_cancelled == said_order_cancelled)',
  },
  { text: 'a cancelled order has its goods back in stock', holds: '(!order_cancelled || inventory_untouched)' },
  {
    text: 'a cancelled order costs nothing: it was never charged, or fully refunded',
    holds: '(!order_cancelled || !outside_charged || outside_paidBack)',
  },
  { text: 'a completed order was charged', holds: '(!order_completed || outside_charged)' },
  { text: 'a completed order was shipped', holds: '(!order_completed || outside_shipped)' },
  {
    text: 'a completed order sold its goods, unless they came back with a refund',
    holds: '(!order_completed || inventory_sold || said_inventory_returned)',
  },
  {
    text: 'goods return to stock if and only if that is published',
    holds: '(!said_inventory_reserved || inventory_untouched == (said_inventory_released || said_inventory_returned))',
  },
  { text: 'sold goods are published as committed', holds: '(said_inventory_committed == said_payment_success)' },
  {
    text: 'an operator’s refund returns money and goods, or is refused',
    holds:
      '(!said_order_refund_requested || said_payment_refund_refused || (outside_paidBack && said_payment_refunded && said_inventory_returned))',
  },
  {
    text: 'a refund that was made is published',
    holds: '(!(outside_charged && outside_paidBack) || said_payment_refunded)',
  },
  { text: 'every cancellation and refund request is answered', holds: '!order_unanswered' },
  {
    text: 'a payment is published as order.paid',
    holds: '(!said_payment_success || said_order_paid || order_cancelled)',
  },
  {
    text: 'a shipment is published as order.shipped',
    holds: '(!said_shipping_prepared || said_order_shipped || order_cancelled)',
  },
  {
    text: 'the order knows every event about it',
    holds: `(${SHOWN.map((type) => `(!${saidOf(type)} || order_knows_${nameOf(type)})`).join(' && ')})`,
  },
]

/** Ways in which an order may fail to be paid. */
const REASONS = ['declined', 'gateway_unavailable', 'cancelled_by_customer', 'confirmation_timeout']

/** What can never happen though it should: a promise that is kept because nothing ever comes to it is none. */
export function impossibleIn({ signals, nouns }: Pick<Explored, 'signals' | 'nouns'>): string[] {
  const messages = signals.flatMap(({ kind, message }) => (kind === 'message' ? [message] : []))
  const heard = nouns.flatMap((noun) => orders.heard[`${noun}.queue`] ?? [])
  const unsaid = [...new Set(heard)].filter((type) => !messages.some((message) => message.type === type))
  const reasons = messages.map(({ type, data }) => type === 'payment.failed' && (data as { reason?: string }).reason)
  return [
    ...unsaid.map((type) => `${type} can never be published`),
    ...REASONS.filter((reason) => !reasons.includes(reason)).map((reason) => `no payment can fail with ${reason}`),
  ]
}

export function nameOf(type: string): string {
  return type.replaceAll('.', '_')
}

export function saidOf(type: string): string {
  return `said_${nameOf(type)}`
}

/** At most one. */
function oneOf(names: string[]): string {
  return `!(${names.flatMap((one, at) => names.slice(at + 1).map((other) => `(${one} && ${other})`)).join(' || ')})`
}

function contradictions(signals: Explored['signals']): string {
  const pairs = signals.flatMap((one, a) =>
    signals.flatMap((other, b) =>
      b > a && one.kind === 'message' && other.kind === 'message' && one.message.id === other.message.id
        ? [`(s${a} && s${b})`]
        : [],
    ),
  )
  return pairs.length === 0 ? 'true' : `!(${pairs.join(' || ')})`
}

// An order is a set of facts. Its status and the messages about it follow from the facts known so far. So the order of arrival
// does not matter, and a fact that arrives twice changes nothing.
import {
  amqpPriority,
  canonicalUser,
  type Line,
  type Message,
  OrderCancelled,
  OrderCancelRequested,
  OrderCompleted,
  OrderCreated,
  OrderPaid,
  OrderShipped,
  type OrderStatus,
  type PriceChange,
  type PricedLine,
} from '@orders/shared/contracts'
import { type Fact, factsOf, find, keyOf, type Placed } from './facts.ts'
import { type Refund, refundRequests, refundsOf } from './refunds.ts'

/**
 * A customer's request to cancel, and the answer. Only payment-service decides it. If the order ends for another reason, such
 * as missing stock, the request counts as granted.
 */
export interface Cancellation {
  status: 'requested' | 'granted' | 'refused'
  /** Null until it is decided. */
  reason: string | null
  at: string
}

export interface Order {
  orderId: string
  user: string
  /** Undefined for orders placed by an earlier version. */
  customerId: string | undefined
  status: OrderStatus
  reason: string | null
  priority: 'standard' | 'express'
  lines: (Line | PricedLine)[]
  totalCents: number | null
  currency: string | null
  trackingId: string | null
  carrier: string | null
  trackingUrl: string | null
  /** Null unless a cancellation was requested. */
  cancellation: Cancellation | null
  refundedCents: number
  refunds: Refund[]
  createdAt: string
  updatedAt: string
}

/** Undefined if the facts do not contain `order.created`. */
export function orderOf(orderId: string, facts: readonly Fact[]): Order | undefined {
  const created = find(facts, 'order.created')
  if (!created) return undefined
  const reserved = find(facts, 'inventory.reserved')
  const parcel = find(facts, 'shipping.prepared')?.data
  return {
    orderId,
    user: created.data.user,
    customerId: created.data.customerId,
    status: statusOf(facts),
    reason: cancellationOf(facts)?.reason ?? null,
    priority: created.data.priority,
    lines: reserved?.data.lines ?? created.data.lines,
    totalCents: reserved?.data.totalCents ?? null,
    currency: reserved?.data.currency ?? null,
    trackingId: parcel?.trackingId ?? null,
    carrier: parcel?.carrier ?? null,
    trackingUrl: parcel?.trackingUrl ?? null,
    cancellation: answerOf(facts),
    refundedCents: factsOf(facts, 'payment.refunded').reduce((sum, { data }) => sum + data.totalCents, 0),
    refunds: refundsOf(facts),
    createdAt: created.at,
    updatedAt: facts.map(({ at }) => at).reduce((latest, at) => (at > latest ? at : latest)),
  }
}

/** The furthest status that the facts justify. An order can end in one way only, since each fork has one writer. */
function statusOf(facts: readonly Fact[]): OrderStatus {
  if (cancellationOf(facts)) return 'cancelled'
  if (find(facts, 'shipping.delivered')) return 'completed'
  if (find(facts, 'shipping.prepared')) return 'shipped'
  if (find(facts, 'payment.success')) return 'paid'
  if (find(facts, 'payment.confirmation_required')) return 'awaiting_confirmation'
  if (find(facts, 'inventory.reserved')) return 'reserved'
  return 'created'
}

function cancellationOf(facts: readonly Fact[]): { at: string; reason: string } | undefined {
  const outOfStock = find(facts, 'inventory.out_of_stock')
  if (outOfStock) return { at: outOfStock.at, reason: 'out_of_stock' }
  const repriced = find(facts, 'inventory.price_changed')
  if (repriced) return { at: repriced.at, reason: 'price_changed' }
  const failed = find(facts, 'payment.failed') ?? find(facts, 'shipping.failed')
  return failed && { at: failed.at, reason: failed.data.reason }
}

function answerOf(facts: readonly Fact[]): Cancellation | null {
  const requested = find(facts, 'order.cancel_requested')
  if (!requested) return null
  const paid = find(facts, 'payment.success')
  if (paid) return { status: 'refused', reason: 'already_paid', at: paid.at }
  const ended = cancellationOf(facts)
  if (ended) return { status: 'granted', ...ended }
  return { status: 'requested', reason: null, at: requested.at }
}

/** Whether every requested refund is decided. `keys` are the keys of all facts of the order. */
export function isSettled(keys: readonly string[]): boolean {
  const [asked, ...answers] = ['order.refund_requested', 'payment.refunded', 'payment.refund_refused'].map(
    (type) => new Set(keys.flatMap((key) => (key.startsWith(`${type}/`) ? [key.slice(type.length + 1)] : []))),
  )
  return [...(asked ?? [])].every((request) => answers.some((decided) => decided.has(request)))
}

/** False if the goods were not reserved: such an order never gets a payment. */
export function mayBePaid(facts: readonly Fact[]): boolean {
  return !find(facts, 'inventory.out_of_stock') && !find(facts, 'inventory.price_changed')
}

/** All messages that these facts justify. Their ids are deterministic, so publishing one again is harmless. */
function implied(orderId: string, facts: readonly Fact[]): Message[] {
  const created = find(facts, 'order.created')
  if (!created) return []
  const { lines: _, expectedTotalCents: __, ...customer } = created.data
  const reserved = find(facts, 'inventory.reserved')?.data
  const progress = { ...customer, ...reserved }
  const priority = amqpPriority[customer.priority]
  const requested = find(facts, 'order.cancel_requested')
  const paid = find(facts, 'payment.success')
  const prepared = find(facts, 'shipping.prepared')
  const delivered = find(facts, 'shipping.delivered')
  const cancelled = cancellationOf(facts)
  const repriced = find(facts, 'inventory.price_changed')?.data
  return [
    OrderCreated.of(orderId, created.at, created.data, { priority }),
    requested &&
      OrderCancelRequested.of(
        orderId,
        requested.at,
        { user: customer.user, ...(customer.customerId !== undefined && { customerId: customer.customerId }) },
        { priority: amqpPriority.failure },
      ),
    paid && OrderPaid.of(orderId, paid.at, progress, { priority }),
    prepared && OrderShipped.of(orderId, prepared.at, { ...progress, ...prepared.data }, { priority }),
    delivered && OrderCompleted.of(orderId, delivered.at, progress, { priority }),
    cancelled &&
      OrderCancelled.of(
        orderId,
        cancelled.at,
        { ...progress, reason: cancelled.reason, ...(repriced && priceChangeOf(repriced)) },
        { priority: amqpPriority.failure },
      ),
    ...refundRequests(orderId, facts),
  ].filter((message) => message !== undefined)
}

/** The part of the price change that the customer is told. */
function priceChangeOf({ expectedTotalCents, totalCents, currency }: PriceChange & { currency: string }) {
  return { currency, priceChange: { expectedTotalCents, totalCents } }
}

export interface Learnt {
  /** The facts including the new one. Undefined if it was known already: then there is nothing to save or publish. */
  state?: readonly Fact[]
  messages: Message[]
}

/** Not published once the order is known to be cancelled. */
const PROGRESS: readonly string[] = [OrderPaid.type, OrderShipped.type, OrderCompleted.type]

/** Adds a fact. Returns all facts, and the messages that they justify for the first time. An expired order learns nothing. */
export function learn(orderId: string, known: readonly Fact[] = [], fact: Fact): Learnt {
  if (known.some((one) => keyOf(one) === keyOf(fact)) || find(known, 'order.expired')) return { messages: [] }
  const facts = [...known, fact]
  const said = new Set(implied(orderId, known).map(({ id }) => id))
  const isOver = cancellationOf(known) !== undefined
  const messages = implied(orderId, facts).filter(
    ({ id, type }) => !said.has(id) && !(isOver && PROGRESS.includes(type)),
  )
  return { state: facts, messages }
}

/** One line for each SKU: repeated SKUs add up. Lines are sorted, so equal orders have equal lines. */
export function linesOf(items: (string | Line)[]): Line[] {
  const quantities = new Map<string, number>()
  for (const item of items) {
    const { sku, quantity } = typeof item === 'string' ? { sku: item, quantity: 1 } : item
    quantities.set(sku, (quantities.get(sku) ?? 0) + quantity)
  }
  return [...quantities].map(([sku, quantity]) => ({ sku, quantity })).sort((a, b) => (a.sku < b.sku ? -1 : 1))
}

/** Whether a repeated request asks for the order that exists. The pseudonym is not compared, since this service adds it. */
export function isSamePlacement(placed: Placed, facts: readonly Fact[]): boolean {
  const known = find(facts, 'order.created')
  if (!known) return false
  const asked = ({ customerId: _, ...request }: Placed) => canonical(request)
  return asked(known.data) === asked(placed)
}

export function isOf(user: string, facts: readonly Fact[]): boolean {
  const known = find(facts, 'order.created')
  return known !== undefined && canonicalUser(known.data.user) === canonicalUser(user)
}

export function canonical(value: unknown): string {
  return JSON.stringify(value, (_, inner: unknown) =>
    typeof inner === 'object' && inner !== null && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)))
      : inner,
  )
}

/** The whole content of a request to place an order. A repeat under the same Idempotency-Key must have the same content. */
export function requestOf(ownId: string | undefined, { customerId: _, ...placed }: Placed): string {
  return canonical({ ownId, placed })
}

/** The order as it was when it was placed. The request and every repeat of it get this answer. */
export function asPlaced(orderId: string, facts: readonly Fact[]): Order | undefined {
  const created = find(facts, 'order.created')
  return created && orderOf(orderId, [created])
}

/** Whether a request to cancel can still have an effect, as far as order-service knows. */
export function cancellationFor(order: Order): 'possible' | 'asked' | 'done' | 'too_late' {
  if (order.cancellation) return 'asked'
  if (order.status === 'cancelled') return 'done'
  return order.status === 'paid' || order.status === 'shipped' || order.status === 'completed' ? 'too_late' : 'possible'
}

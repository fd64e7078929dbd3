// An order is a set of facts. Its status and what is said about it follow from the facts known so far, whatever the
// order in which they came; so nothing here depends on arrival, and a fact that comes twice changes nothing.
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

/** A customer's wish, and its answer: payment alone decides, and an order that ends otherwise is cancelled too. */
export interface Cancellation {
  status: 'requested' | 'granted' | 'refused'
  /** Why; null while it is not decided. */
  reason: string | null
  at: string
}

export interface Order {
  orderId: string
  user: string
  /** Undefined in orders of an earlier version. */
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
  /** Null while nobody has asked for one. */
  cancellation: Cancellation | null
  refundedCents: number
  refunds: Refund[]
  createdAt: string
  updatedAt: string
}

/** The order as the facts tell it; undefined while nobody has placed it. */
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

/** The furthest that the facts justify. An order can end only one way, since each fork has one writer. */
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

/** Whether every refund that was asked for is decided, by the keys of all facts. */
export function isSettled(keys: readonly string[]): boolean {
  const [asked, ...answers] = ['order.refund_requested', 'payment.refunded', 'payment.refund_refused'].map(
    (type) => new Set(keys.flatMap((key) => (key.startsWith(`${type}/`) ? [key.slice(type.length + 1)] : []))),
  )
  return [...(asked ?? [])].every((request) => answers.some((decided) => decided.has(request)))
}

/** What was never set aside never comes to a payment. */
export function mayBePaid(facts: readonly Fact[]): boolean {
  return !find(facts, 'inventory.out_of_stock') && !find(facts, 'inventory.price_changed')
}

/** Everything order-service says about an order with these facts; ids are deterministic, so repeating is harmless. */
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

/** What the customer is told of it. */
function priceChangeOf({ expectedTotalCents, totalCents, currency }: PriceChange & { currency: string }) {
  return { currency, priceChange: { expectedTotalCents, totalCents } }
}

export interface Learnt {
  /** The facts from now on; undefined when the fact was known, and there is nothing to save and nothing to say. */
  state?: readonly Fact[]
  messages: Message[]
}

/** What is not said any more of an order that is known to be cancelled. */
const PROGRESS: readonly string[] = [OrderPaid.type, OrderShipped.type, OrderCompleted.type]

/** Adds a fact: the facts from now on, and what they justify saying that was not justified before. */
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

/** A SKU named twice is one line: its quantities add up. Sorted, so that the same order always looks the same. */
export function linesOf(items: (string | Line)[]): Line[] {
  const quantities = new Map<string, number>()
  for (const item of items) {
    const { sku, quantity } = typeof item === 'string' ? { sku: item, quantity: 1 } : item
    quantities.set(sku, (quantities.get(sku) ?? 0) + quantity)
  }
  return [...quantities].map(([sku, quantity]) => ({ sku, quantity })).sort((a, b) => (a.sku < b.sku ? -1 : 1))
}

/** Whether a repeated request means the order that is known already. The pseudonym is ours, and no part of what was asked. */
export function isSamePlacement(placed: Placed, facts: readonly Fact[]): boolean {
  const known = find(facts, 'order.created')
  if (!known) return false
  const asked = ({ customerId: _, ...request }: Placed) => canonical(request)
  return asked(known.data) === asked(placed)
}

/** Whether the order is this customer's. */
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

/** What a request to place an order asks for, whole: a repeat under the same Idempotency-Key has the same. */
export function requestOf(ownId: string | undefined, { customerId: _, ...placed }: Placed): string {
  return canonical({ ownId, placed })
}

/** The order as it was when it was placed: the answer to its request, and to every repeat of it. */
export function asPlaced(orderId: string, facts: readonly Fact[]): Order | undefined {
  const created = find(facts, 'order.created')
  return created && orderOf(orderId, [created])
}

/** Whether asking for a cancellation can still make a difference, as far as order-service knows. */
export function cancellationFor(order: Order): 'possible' | 'asked' | 'done' | 'too_late' {
  if (order.cancellation) return 'asked'
  if (order.status === 'cancelled') return 'done'
  return order.status === 'paid' || order.status === 'shipped' || order.status === 'completed' ? 'too_late' : 'possible'
}

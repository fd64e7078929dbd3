// The rules of stock and reservations. A reservation holds what is known about an order's goods, and their place follows from
// it. So events may arrive twice and in any order: each change moves the goods from the old place to the new one.
import {
  amqpPriority,
  type Customer,
  InventoryCommitted,
  InventoryOutOfStock,
  InventoryPriceChanged,
  InventoryReleased,
  InventoryReserved,
  InventoryRestocked,
  InventoryReturned,
  type Line,
  type Message,
  type PricedLine,
  type Quote,
} from '@orders/shared/contracts'

export interface Article {
  sku: string
  name: string
  unitPriceCents: number
  available: number
}

/** An article, and its quantity in each place. */
export interface Stock extends Article {
  reserved: number
  committed: number
  /** How often an operator changed the stock. */
  restocks: number
}

/** The events that move an order's goods. */
export type GoodsFact = 'payment.success' | 'payment.failed' | 'shipping.failed'

/** Refunded goods that came back into stock. */
export interface Return {
  request: string
  lines: Line[]
}

export interface Reservation {
  /** Null while only later events have arrived: the row is a tombstone. */
  outcome: 'reserved' | 'out_of_stock' | 'price_changed' | null
  lines: PricedLine[]
  facts: GoodsFact[]
  returns: Return[]
  updatedAt: string
}

/** A change of a SKU's stock. The three differences of an order's move add up to zero. */
export interface Move {
  sku: string
  available: number
  reserved: number
  committed: number
}

export interface Decision {
  /** Undefined: there is nothing new to save. */
  reservation?: Reservation
  moves: Move[]
  messages: Message[]
}

const nothing: Decision = { moves: [], messages: [] }
export const unknown: Reservation = { outcome: null, lines: [], facts: [], returns: [], updatedAt: '' }

type Place = 'available' | 'reserved' | 'committed'

/** Where an order's goods are, as far as is known. A failed payment or a refused shipment makes them available again. */
function placeOf({ outcome, facts }: Reservation): Place {
  if (outcome !== 'reserved') return 'available'
  if (facts.includes('payment.failed') || facts.includes('shipping.failed')) return 'available'
  return facts.includes('payment.success') ? 'committed' : 'reserved'
}

/** The prices and available quantities. */
export interface Shelf {
  stockOf: (sku: string) => Article | undefined
  currency: string
}

/** The current price of the lines. */
export function quote(lines: readonly Line[], { stockOf, currency }: Shelf): Quote {
  const priced = lines.flatMap(({ sku, quantity }) => {
    const article = stockOf(sku)
    return article ? { sku, quantity, unitPriceCents: article.unitPriceCents, name: article.name } : []
  })
  const totalCents = priced.reduce((sum, { quantity, unitPriceCents }) => sum + quantity * unitPriceCents, 0)
  const unknownSkus = lines.map(({ sku }) => sku).filter((sku) => !stockOf(sku))
  return { lines: priced, totalCents, currency, unknownSkus }
}

/**
 * Reserves all lines or none. Every line must be in the catalogue and available, and the total must equal the expected one, if
 * the customer expects one.
 */
export function reserve(
  orderId: string,
  { lines, expectedTotalCents, ...customer }: Customer & { lines: Line[]; expectedTotalCents?: number },
  known: Reservation = unknown,
  shelf: Shelf,
  at: string,
): Decision {
  if (known.outcome !== null) return nothing
  const { stockOf } = shelf
  const missing = lines
    .map(({ sku, quantity }) => ({ sku, quantity, available: stockOf(sku)?.available ?? 0 }))
    .filter(({ sku, quantity, available }) => !stockOf(sku) || quantity > available)
  if (missing.length > 0) {
    const message = InventoryOutOfStock.of(orderId, at, { missing }, { priority: amqpPriority.failure })
    return { reservation: { ...known, outcome: 'out_of_stock', updatedAt: at }, moves: [], messages: [message] }
  }
  const { lines: priced, totalCents, currency } = quote(lines, shelf)
  if (expectedTotalCents !== undefined && expectedTotalCents !== totalCents) {
    const change = { expectedTotalCents, totalCents, currency }
    const message = InventoryPriceChanged.of(orderId, at, change, { priority: amqpPriority.failure })
    return { reservation: { ...known, outcome: 'price_changed', updatedAt: at }, moves: [], messages: [message] }
  }
  const reservation: Reservation = { ...known, outcome: 'reserved', lines: priced, updatedAt: at }
  const reserved = InventoryReserved.of(
    orderId,
    at,
    { ...customer, lines: priced, totalCents, currency },
    { priority: amqpPriority[customer.priority] },
  )
  return {
    reservation,
    moves: movesBetween(known, reservation),
    messages: [reserved, ...followUps(orderId, reservation, at)],
  }
}

/** Records the outcome of the payment or the shipment. */
export function learn(orderId: string, known: Reservation = unknown, fact: GoodsFact, at: string): Decision {
  if (known.facts.includes(fact)) return nothing
  return changed(orderId, known, { ...known, facts: [...known.facts, fact], updatedAt: at })
}

/** Records refunded goods that come back: sold ones become available again. Does nothing for a refund without goods to return. */
export function takeBack(
  orderId: string,
  known: Reservation = unknown,
  { request, lines, returnToStock }: { request?: string; lines?: Line[]; returnToStock?: boolean },
  at: string,
): Decision {
  if (!returnToStock || request === undefined || !lines) return nothing
  if (known.returns.some((one) => one.request === request)) return nothing
  const back = { request, lines: lines.map(({ sku, quantity }) => ({ sku, quantity })) }
  return changed(orderId, known, { ...known, returns: [...known.returns, back], updatedAt: at })
}

function changed(orderId: string, known: Reservation, reservation: Reservation): Decision {
  const at = reservation.updatedAt
  const said = new Set(followUps(orderId, known, at).map(({ id }) => id))
  return {
    reservation,
    moves: movesBetween(known, reservation),
    messages: followUps(orderId, reservation, at).filter(({ id }) => !said.has(id)),
  }
}

function followUps(orderId: string, reservation: Reservation, at: string): Message[] {
  const { outcome, lines, facts, returns } = reservation
  if (outcome !== 'reserved') return []
  const isSold = placeOf(reservation) === 'committed'
  const sold = lines.map(({ sku, quantity }) => ({ sku, quantity }))
  const back = facts.find((fact) => fact === 'payment.failed' || fact === 'shipping.failed')
  return [
    facts.includes('payment.success') && InventoryCommitted.of(orderId, at, { lines: sold }),
    back && InventoryReleased.of(orderId, at, { lines: sold, reason: back }, { priority: amqpPriority.failure }),
    ...(isSold ? returns : []).map(({ request, lines: returned }) =>
      InventoryReturned.of(orderId, at, { lines: returned, request }, { detail: request }),
    ),
  ].filter((message) => typeof message === 'object')
}

export function movesBetween(before: Reservation, after: Reservation): Move[] {
  return after.lines.flatMap((line) => {
    const [from, to] = [spread(before, line), spread(after, line)]
    const move = {
      sku: line.sku,
      available: to.available - from.available,
      reserved: to.reserved - from.reserved,
      committed: to.committed - from.committed,
    }
    return move.available === 0 && move.reserved === 0 && move.committed === 0 ? [] : [move]
  })
}

/** The quantity of a line in each place. Only sold goods can have come back, and at most as many as were sold. */
function spread(reservation: Reservation, { sku, quantity }: Line): Record<Place, number> {
  const place = placeOf(reservation)
  const lines = place === 'committed' ? reservation.returns.flatMap((one) => one.lines) : []
  const returned = lines.reduce((sum, line) => sum + (line.sku === sku ? line.quantity : 0), 0)
  const back = Math.min(quantity, returned)
  const places = { available: 0, reserved: 0, committed: 0, [place]: quantity - back }
  return { ...places, available: places.available + back }
}

export interface Restock {
  sku: string
  available: number
  unitPriceCents?: number | undefined
  name?: string | undefined
}

/** A change by a difference, which may be negative. */
export interface Adjustment {
  sku: string
  difference: number
  reason: string
}

export interface Restocked {
  stock: Stock
  messages: Message[]
}

export function moved(stock: Stock, { available, reserved, committed }: Move): Stock {
  return {
    ...stock,
    available: stock.available + available,
    reserved: stock.reserved + reserved,
    committed: stock.committed + committed,
  }
}

/** The value of the `ETag`. Any sale changes it, so a count taken before a sale cannot overwrite the stock after it. */
export function stateOf({ restocks, available, reserved, committed }: Stock): string {
  return `"${restocks}-${available}-${reserved}-${committed}"`
}

/** Whether no goods are reserved or sold, and no operator has changed the stock. */
export function isUntouched(stock: Stock | undefined): boolean {
  return !stock || (stock.restocks === 0 && stock.reserved === 0 && stock.committed === 0)
}

/** Changes the stock by a difference. The result is right whatever was sold meanwhile. */
export function adjust(known: Stock, { sku, difference, reason }: Adjustment, at: string): Restocked {
  if (difference === 0) return { stock: known, messages: [] }
  const stock = { ...known, available: known.available + difference, restocks: known.restocks + 1 }
  const data = {
    sku,
    addedQuantity: difference,
    available: stock.available,
    unitPriceCents: known.unitPriceCents,
    name: known.name,
    reason,
  }
  return { stock, messages: [InventoryRestocked.of(sku, at, data, { detail: String(stock.restocks) })] }
}

/** Sets the stock to an operator's count. If nothing differs, nothing changes and nothing is published. */
export function restock(
  known: Stock | undefined,
  { sku, available, unitPriceCents = known?.unitPriceCents ?? 0, name = known?.name ?? sku }: Restock,
  at: string,
): Restocked {
  const isSame = known?.available === available && known.unitPriceCents === unitPriceCents && known.name === name
  if (known && isSame) return { stock: known, messages: [] }
  const restocks = (known?.restocks ?? 0) + 1
  const data = { sku, addedQuantity: available - (known?.available ?? 0), available, unitPriceCents, name }
  return {
    stock: { reserved: 0, committed: 0, ...known, sku, name, unitPriceCents, available, restocks },
    messages: [InventoryRestocked.of(sku, at, data, { detail: String(restocks) })],
  }
}

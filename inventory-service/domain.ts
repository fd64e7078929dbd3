// Stock and reservations. A reservation is what is known of an order's goods; where they are follows from it, so the
// news may come in any order and twice: the goods move from where the old knowledge had them to where the new has them.
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

/** An article, and how many of it are where. */
export interface Stock extends Article {
  reserved: number
  committed: number
  /** How often an operator said how many there are. */
  restocks: number
}

/** What may be known of an order besides its lines. */
export type GoodsFact = 'payment.success' | 'payment.failed' | 'shipping.failed'

/** Goods of a refund that came back. */
export interface Return {
  request: string
  lines: Line[]
}

export interface Reservation {
  /** Null while only later news has arrived: a tombstone. */
  outcome: 'reserved' | 'out_of_stock' | 'price_changed' | null
  lines: PricedLine[]
  facts: GoodsFact[]
  returns: Return[]
  updatedAt: string
}

/** How the stock of a SKU changes; the three add up to zero. */
export interface Move {
  sku: string
  available: number
  reserved: number
  committed: number
}

export interface Decision {
  /** Undefined: nothing new, nothing to save. */
  reservation?: Reservation
  moves: Move[]
  messages: Message[]
}

const nothing: Decision = { moves: [], messages: [] }
export const unknown: Reservation = { outcome: null, lines: [], facts: [], returns: [], updatedAt: '' }

type Place = 'available' | 'reserved' | 'committed'

/** Where an order's goods are, as far as is known. A refused shipment or a failed payment brings them back. */
function placeOf({ outcome, facts }: Reservation): Place {
  if (outcome !== 'reserved') return 'available'
  if (facts.includes('payment.failed') || facts.includes('shipping.failed')) return 'available'
  return facts.includes('payment.success') ? 'committed' : 'reserved'
}

/** Where prices and numbers are looked up. */
export interface Shelf {
  stockOf: (sku: string) => Article | undefined
  currency: string
}

/** What the lines cost now. */
export function quote(lines: readonly Line[], { stockOf, currency }: Shelf): Quote {
  const priced = lines.flatMap(({ sku, quantity }) => {
    const article = stockOf(sku)
    return article ? { sku, quantity, unitPriceCents: article.unitPriceCents, name: article.name } : []
  })
  const totalCents = priced.reduce((sum, { quantity, unitPriceCents }) => sum + quantity * unitPriceCents, 0)
  const unknownSkus = lines.map(({ sku }) => sku).filter((sku) => !stockOf(sku))
  return { lines: priced, totalCents, currency, unknownSkus }
}

/** All lines or none: every line must be in the catalogue and available, and the total as expected, if the customer expects one. */
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

/** Takes note of what became of the payment or the shipment. */
export function learn(orderId: string, known: Reservation = unknown, fact: GoodsFact, at: string): Decision {
  if (known.facts.includes(fact)) return nothing
  return changed(orderId, known, { ...known, facts: [...known.facts, fact], updatedAt: at })
}

/** Takes note of goods that come back with a refund: sold ones are for sale again. Of other refunds no goods come back. */
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

/** How many of a line are where. Only what is sold can have come back, and no more of it than there was. */
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

/** How many come in addition, or are gone. */
export interface Adjustment {
  sku: string
  difference: number
  reason: string
}

export interface Restocked {
  stock: Stock
  messages: Message[]
}

/** The stock after a move. */
export function moved(stock: Stock, { available, reserved, committed }: Move): Stock {
  return {
    ...stock,
    available: stock.available + available,
    reserved: stock.reserved + reserved,
    committed: stock.committed + committed,
  }
}

/** What an `ETag` is made of: any sale changes it, so that a count taken before is not taken for the count of now. */
export function stateOf({ restocks, available, reserved, committed }: Stock): string {
  return `"${restocks}-${available}-${reserved}-${committed}"`
}

/** Neither sold nor restocked since it was there. */
export function isUntouched(stock: Stock | undefined): boolean {
  return !stock || (stock.restocks === 0 && stock.reserved === 0 && stock.committed === 0)
}

/** By a difference, which is right whatever was sold meanwhile. */
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

/** An operator says how many there are now. The same again changes nothing and says nothing. */
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

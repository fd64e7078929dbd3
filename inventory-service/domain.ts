// Stock and reservations. A reservation is what is known of an order's goods; where they are follows from it, so the
// news may come in any order and twice: the goods move from where the old knowledge had them to where the new has them.
import {
  amqpPriority,
  type Customer,
  InventoryCommitted,
  InventoryOutOfStock,
  InventoryReleased,
  InventoryReserved,
  InventoryRestocked,
  type Line,
  type Message,
  type PricedLine,
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

export interface Reservation {
  /** Null while only later news has arrived: a tombstone. */
  outcome: 'reserved' | 'out_of_stock' | null
  lines: PricedLine[]
  facts: GoodsFact[]
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
const unknown: Reservation = { outcome: null, lines: [], facts: [], updatedAt: '' }

type Place = 'available' | 'reserved' | 'committed'

/** Where an order's goods are, as far as is known. A refused shipment or a failed payment brings them back. */
function placeOf({ outcome, facts }: Reservation): Place {
  if (outcome !== 'reserved') return 'available'
  if (facts.includes('payment.failed') || facts.includes('shipping.failed')) return 'available'
  return facts.includes('payment.success') ? 'committed' : 'reserved'
}

/** All lines or none: every line must be in the catalogue and available. */
export function reserve(
  orderId: string,
  { lines, ...customer }: Customer & { lines: Line[] },
  known: Reservation = unknown,
  stockOf: (sku: string) => Article | undefined,
  at: string,
): Decision {
  if (known.outcome !== null) return nothing
  const missing = lines
    .map(({ sku, quantity }) => ({ sku, quantity, available: stockOf(sku)?.available ?? 0 }))
    .filter(({ sku, quantity, available }) => !stockOf(sku) || quantity > available)
  if (missing.length > 0) {
    const message = InventoryOutOfStock.of(orderId, at, { missing }, { priority: amqpPriority.failure })
    return { reservation: { ...known, outcome: 'out_of_stock', updatedAt: at }, moves: [], messages: [message] }
  }
  const priced = lines.map((line) => ({ ...line, unitPriceCents: stockOf(line.sku)?.unitPriceCents ?? 0 }))
  const totalCents = priced.reduce((sum, { quantity, unitPriceCents }) => sum + quantity * unitPriceCents, 0)
  const reservation: Reservation = { ...known, outcome: 'reserved', lines: priced, updatedAt: at }
  const reserved = InventoryReserved.of(
    orderId,
    at,
    { ...customer, lines: priced, totalCents },
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
  const reservation = { ...known, facts: [...known.facts, fact], updatedAt: at }
  const said = new Set(followUps(orderId, known, at).map(({ id }) => id))
  return {
    reservation,
    moves: movesBetween(known, reservation),
    messages: followUps(orderId, reservation, at).filter(({ id }) => !said.has(id)),
  }
}

function followUps(orderId: string, { outcome, lines, facts }: Reservation, at: string): Message[] {
  if (outcome !== 'reserved') return []
  const sold = lines.map(({ sku, quantity }) => ({ sku, quantity }))
  const back = facts.find((fact) => fact === 'payment.failed' || fact === 'shipping.failed')
  return [
    facts.includes('payment.success') && InventoryCommitted.of(orderId, at, { lines: sold }),
    back && InventoryReleased.of(orderId, at, { lines: sold, reason: back }, { priority: amqpPriority.failure }),
  ].filter((message) => typeof message === 'object')
}

function movesBetween(before: Reservation, after: Reservation): Move[] {
  const from = placeOf(before)
  const to = placeOf(after)
  if (from === to) return []
  return after.lines.map(({ sku, quantity }) => {
    const move: Move = { sku, available: 0, reserved: 0, committed: 0 }
    move[from] -= quantity
    move[to] += quantity
    return move
  })
}

export interface Restock {
  sku: string
  available: number
  unitPriceCents?: number | undefined
  name?: string | undefined
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

/** An operator says how many there are now. The same again changes nothing and says nothing. */
export function restock(
  known: Stock | undefined,
  { sku, available, unitPriceCents = known?.unitPriceCents ?? 0, name = known?.name ?? sku }: Restock,
  at: string,
): Restocked {
  const isSame = known?.available === available && known.unitPriceCents === unitPriceCents && known.name === name
  if (known && isSame) return { stock: known, messages: [] }
  const restocks = (known?.restocks ?? 0) + 1
  const data = { sku, addedQuantity: available - (known?.available ?? 0), available, unitPriceCents }
  return {
    stock: { reserved: 0, committed: 0, ...known, sku, name, unitPriceCents, available, restocks },
    messages: [InventoryRestocked.of(sku, at, data, { detail: String(restocks) })],
  }
}

// What the load asks for: order number N of a seed is always the same, with what is done to it afterwards.
import { type Random, randomFrom, seedFor } from './random.ts'

export interface OrderForm {
  orderId?: string
  user: string
  items: { sku: string; quantity: number }[]
  priority?: 'express'
  contact?: { email?: string; phone?: string; push?: string }
  paymentMethod?: string
  shippingAddress?: string
  expectedTotalCents?: number
}

/** Done once the order is accepted, after that many milliseconds. */
export interface FollowUp {
  action: 'cancel' | 'confirm' | 'repeat' | 'repeat-changed'
  afterMs: number
}

export interface PlannedOrder {
  form: OrderForm
  /** The Idempotency-Key header. */
  key?: string
  followUps: FollowUp[]
}

export interface PlannedRestock {
  sku: string
  available: number
}

/** Above it the customer must confirm; three of item10 are, what else is ordered is not. */
export const CONFIRM_ABOVE_CENTS = 20_000
export const CONFIRM_WITHIN_MS = 4_000

type Kind = (random: Random, form: OrderForm) => { form: OrderForm; followUps?: FollowUp[] }

/** Each with its share. */
const KINDS: [number, Kind][] = [
  [40, (_, form) => ({ form })],
  [10, (_, form) => ({ form: { ...form, priority: 'express' } })],
  [6, (_, form) => ({ form: { ...form, paymentMethod: 'tok_declined' } })],
  [4, (_, form) => ({ form: { ...form, paymentMethod: 'tok_slow' } })],
  [5, (_, form) => ({ form: { ...form, items: [...form.items, { sku: 'soldout', quantity: 1 }] } })],
  [5, (_, form) => ({ form: { ...form, shippingAddress: 'nowhere' } })],
  [6, (random, form) => ({ form: { ...form, contact: contactOf(random, form.user) } })],
  [6, (random, form) => ({ form: atPrice(random, form) })],
  [10, (random, form) => ({ form, followUps: [{ action: 'cancel', afterMs: random.between(0, 150) }] })],
  [12, (random, form) => ({ form: { ...form, items: [{ sku: 'item10', quantity: 3 }] }, followUps: lastWord(random) })],
]
/** These take more than half a minute by design, since a silent gateway is asked four times. */
const SILENT_GATEWAY: [number, Kind][] = [
  [1, (_, form) => ({ form: { ...form, paymentMethod: 'tok_gateway_down' } })],
  [1, (_, form) => ({ form: { ...form, paymentMethod: 'tok_answer_lost' } })],
]

/** `patient` when there is time for orders that take half a minute. */
export function orderNumber(number: number, { seed, patient }: { seed: number; patient: boolean }): PlannedOrder {
  const random = randomFrom(seedFor(seed, 'order', number))
  const items = random
    .shuffle(['item1', 'item2', 'item3', 'item4'])
    .slice(0, random.between(1, 2))
    .map((sku) => ({ sku, quantity: random.between(1, 2) }))
  const kind = kindOf(random, patient ? [...KINDS, ...SILENT_GATEWAY] : KINDS)
  const { form, followUps = [] } = kind(random, { user: `customer${number}`, items })
  const repeats: FollowUp[] = random.chance(0.1) ? [{ action: 'repeat', afterMs: random.between(0, 2_000) }] : []
  const changed: FollowUp[] = random.chance(0.04)
    ? [{ action: 'repeat-changed', afterMs: random.between(0, 2_000) }]
    : []
  const orderId = `c${seed}-${number}`
  // Some clients choose the id, some send a key and learn the id, some do both.
  const names = random.pick<{ orderId?: string; key?: string }>([
    { orderId },
    { key: orderId },
    { orderId, key: orderId },
  ])
  return {
    form: { ...('orderId' in names && { orderId }), ...form },
    ...('key' in names && { key: `key-${orderId}` }),
    followUps: [...followUps, ...repeats, ...changed],
  }
}

/** Few, so that orders meet an empty shelf; never the SKU of a price that would need a confirmation. */
export function restockNumber(number: number, seed: number): PlannedRestock {
  const random = randomFrom(seedFor(seed, 'restock', number))
  const sku = random.pick(['item1', 'item2', 'item3', 'item4', 'item10', 'soldout', 'soldout'])
  return { sku, available: sku === 'soldout' ? random.between(0, 4) : random.between(0, 1_500) }
}

function kindOf(random: Random, kinds: [number, Kind][]): Kind {
  const total = kinds.reduce((sum, [share]) => sum + share, 0)
  let left = random.next() * total
  const found = kinds.find(([share]) => {
    left -= share
    return left < 0
  })
  return found?.[1] ?? ((_, form) => ({ form }))
}

/** A customer who is asked confirms, twice even, cancels, or lets the deadline pass. */
function lastWord(random: Random): FollowUp[] {
  const afterMs = random.between(100, 3_000)
  const words: FollowUp[][] = [
    [{ action: 'confirm', afterMs }],
    [
      { action: 'confirm', afterMs },
      { action: 'confirm', afterMs: random.between(100, 4_000) },
    ],
    [{ action: 'cancel', afterMs }],
    [
      { action: 'confirm', afterMs },
      { action: 'cancel', afterMs },
    ],
    [],
  ]
  return words[random.between(0, words.length - 1)] ?? []
}

/** Its price goes up and down, so that the agreed one may be another by the time the goods are set aside. */
export const REPRICED = { sku: 'item5', prices: [5_000, 5_500] }

export function repriceNumber(number: number): number {
  const [low = 0, high = 0] = REPRICED.prices
  return number % 2 === 0 ? low : high
}

/** What costs what it always does, or what changes its price; the load agrees to whatever it is told. */
function atPrice(random: Random, form: OrderForm): OrderForm {
  const items = random.chance(0.3) ? form.items : [{ sku: REPRICED.sku, quantity: 1 }]
  const expectedTotalCents = items.reduce((sum, { sku, quantity }) => sum + quantity * Number(sku.slice(4)) * 1_000, 0)
  return { ...form, items, expectedTotalCents }
}

/** For goods whose price does not change. */
export function atAnyPrice({ expectedTotalCents, ...form }: OrderForm): OrderForm {
  return expectedTotalCents === undefined ? form : { ...form, items: [{ sku: 'item1', quantity: 1 }] }
}

function contactOf(random: Random, user: string): NonNullable<OrderForm['contact']> {
  const email = `${user}@example.com`
  return random.pick<NonNullable<OrderForm['contact']>>([
    { phone: '+49 30 1234567' },
    { email, phone: '+49 30 1234567' },
    { email, push: `device-${user}` },
  ])
}

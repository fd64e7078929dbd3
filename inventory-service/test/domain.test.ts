// Goods are where the facts put them, in whatever order and how often the facts arrive; none appear or vanish.
import { permutations, sequences } from '@orders/shared/testing'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  type Article,
  type Decision,
  type GoodsFact,
  learn,
  quote,
  type Reservation,
  reserve,
  restock,
  takeBack,
} from '../domain.ts'

const at = '2026-01-01T00:00:00.000Z'
const customer = { user: 'ann', priority: 'standard' as const }
/** A refund comes back with so many of the three. */
const refunds = { 'one back': 1, 'two back': 2, 'three back': 3, 'none back': 0 }
type Input = 'order.created' | GoodsFact | keyof typeof refunds
const isRefund = (input: Input): input is keyof typeof refunds => Object.hasOwn(refunds, input)

interface Stock {
  available: number
  reserved: number
  committed: number
}

/** Plays the inputs against a stock of `available`; the order wants 3. */
function play(inputs: readonly Input[], available = 10) {
  const stock: Stock = { available, reserved: 0, committed: 0 }
  const said: string[] = []
  let reservation: Reservation | undefined
  for (const input of inputs) {
    const decision = decide(input, reservation, stock)
    reservation = decision.reservation ?? reservation
    said.push(...decision.messages.map(({ type }) => type))
    for (const move of decision.moves) {
      stock.available += move.available
      stock.reserved += move.reserved
      stock.committed += move.committed
    }
    expect(stock.available + stock.reserved + stock.committed).toBe(available)
    expect(Math.min(stock.available, stock.reserved, stock.committed)).toBeGreaterThanOrEqual(0)
  }
  return { stock, said: said.sort() }
}

function decide(input: Input, known: Reservation | undefined, { available }: Stock): Decision {
  if (isRefund(input)) {
    const quantity = refunds[input]
    const back = { request: String(quantity + 1), lines: [{ sku: 'item1', quantity }], returnToStock: quantity > 0 }
    return takeBack('o1', known, back, at)
  }
  if (input !== 'order.created') return learn('o1', known, input, at)
  const article: Article = { sku: 'item1', name: 'Item 1', unitPriceCents: 1_000, available }
  const lines = [{ sku: 'item1', quantity: 3 }]
  return reserve(
    'o1',
    { ...customer, lines },
    known,
    { stockOf: (sku) => (sku === 'item1' ? article : undefined), currency: 'EUR' },
    at,
  )
}

const ways: { name: string; inputs: Input[]; stock: Stock; said: string[] }[] = [
  {
    name: 'paid',
    inputs: ['order.created', 'payment.success'],
    stock: { available: 7, reserved: 0, committed: 3 },
    said: ['inventory.committed', 'inventory.reserved'],
  },
  {
    name: 'not paid',
    inputs: ['order.created', 'payment.failed'],
    stock: { available: 10, reserved: 0, committed: 0 },
    said: ['inventory.released', 'inventory.reserved'],
  },
  {
    name: 'paid and refused by the carrier',
    inputs: ['order.created', 'payment.success', 'shipping.failed'],
    stock: { available: 10, reserved: 0, committed: 0 },
    said: ['inventory.committed', 'inventory.released', 'inventory.reserved'],
  },
  {
    name: 'paid, and paid back in parts',
    inputs: ['order.created', 'payment.success', 'one back', 'two back'],
    stock: { available: 10, reserved: 0, committed: 0 },
    said: ['inventory.committed', 'inventory.reserved', 'inventory.returned', 'inventory.returned'],
  },
  {
    name: 'paid, and paid back without the goods',
    inputs: ['order.created', 'payment.success', 'one back', 'none back'],
    stock: { available: 8, reserved: 0, committed: 2 },
    said: ['inventory.committed', 'inventory.reserved', 'inventory.returned'],
  },
  {
    name: 'paid, and more comes back than there was',
    inputs: ['order.created', 'payment.success', 'two back', 'three back'],
    stock: { available: 10, reserved: 0, committed: 0 },
    said: ['inventory.committed', 'inventory.reserved', 'inventory.returned', 'inventory.returned'],
  },
]

describe.each(ways)('goods of an order that is $name', ({ inputs, stock, said }) => {
  it('end in the same place in every order of arrival, and each thing is said once', () => {
    for (const arrivals of permutations(inputs)) expect(play(arrivals)).toEqual({ stock, said })
  })

  it('are not moved by repeats', () => {
    for (const arrivals of sequences(inputs, 5)) {
      if (!inputs.every((input) => arrivals.includes(input))) continue
      expect(play(arrivals)).toEqual({ stock, said })
    }
  })

  it('are not moved by many repeats', () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...inputs), { maxLength: 30 }), (arrivals) => {
        expect(play([...arrivals, ...inputs])).toEqual({ stock, said })
      }),
    )
  })
})

describe('an order for more than there is', () => {
  it('gets nothing, and says what is missing, in every order of arrival', () => {
    for (const arrivals of permutations<Input>(['order.created', 'order.created', 'payment.failed']))
      expect(play(arrivals, 2)).toEqual({
        stock: { available: 2, reserved: 0, committed: 0 },
        said: ['inventory.out_of_stock'],
      })
  })

  it('gets nothing of what there is enough of either', () => {
    const stock = new Map<string, Article>([['item1', { sku: 'item1', name: '', unitPriceCents: 1, available: 5 }]])
    const lines = [
      { sku: 'item1', quantity: 1 },
      { sku: 'unknown', quantity: 1 },
    ]
    const decision = reserve(
      'o1',
      { ...customer, lines },
      undefined,
      { stockOf: (sku) => stock.get(sku), currency: 'EUR' },
      at,
    )
    expect(decision.moves).toEqual([])
    expect(decision.messages).toMatchObject([
      { type: 'inventory.out_of_stock', data: { missing: [{ sku: 'unknown', quantity: 1, available: 0 }] } },
    ])
  })
})

describe('a reservation', () => {
  it('prices every line and adds them up', () => {
    const articles = ['a', 'b'].map((sku, index) => ({
      sku,
      name: sku,
      unitPriceCents: 150 * (index + 1),
      available: 9,
    }))
    const lines = [
      { sku: 'a', quantity: 2 },
      { sku: 'b', quantity: 3 },
    ]
    const stock = new Map(articles.map((article) => [article.sku, article]))
    const { messages } = reserve(
      'o1',
      { ...customer, lines },
      undefined,
      { stockOf: (sku) => stock.get(sku), currency: 'CHF' },
      at,
    )
    const priced = [
      { ...lines[0], name: 'a' },
      { ...lines[1], name: 'b', unitPriceCents: 300 },
    ]
    expect(messages).toMatchObject([
      { type: 'inventory.reserved', data: { totalCents: 1_200, currency: 'CHF', lines: priced, user: 'ann' } },
    ])
  })
})

describe('an order that expects a total', () => {
  const article = { sku: 'item1', name: 'Mug', unitPriceCents: 300, available: 5 }
  const shelf = { stockOf: (sku: string) => (sku === article.sku ? article : undefined), currency: 'CHF' }
  const two = [{ sku: 'item1', quantity: 2 }]
  const expecting = (expectedTotalCents: number, lines = two, known?: Reservation) =>
    reserve('o1', { ...customer, lines, expectedTotalCents }, known, shelf, at)

  it('is set aside at just that, and says no more of it', () => {
    const { reservation, messages } = expecting(600)
    expect(reservation).toMatchObject({ outcome: 'reserved' })
    expect(messages).toMatchObject([{ type: 'inventory.reserved', data: { totalCents: 600 } }])
    expect(messages[0]?.data).not.toHaveProperty('expectedTotalCents')
  })

  it.each([599, 601, 0])('gets nothing at %i, and hears what it costs', (expectedTotalCents) => {
    const { reservation, moves, messages } = expecting(expectedTotalCents)
    expect(reservation).toMatchObject({ outcome: 'price_changed', lines: [] })
    expect(moves).toEqual([])
    const data = { expectedTotalCents, totalCents: 600, currency: 'CHF' }
    expect(messages).toMatchObject([{ type: 'inventory.price_changed', data, priority: 9 }])
  })

  it('is decided once: at another price by then it stays as it was', () => {
    const { reservation } = expecting(599)
    expect(expecting(600, two, reservation)).toEqual({ moves: [], messages: [] })
  })

  it('is told first that there is not enough', () => {
    expect(expecting(1, [{ sku: 'item1', quantity: 6 }]).messages).toMatchObject([{ type: 'inventory.out_of_stock' }])
  })

  it('is quoted the same, and told which goods nobody knows', () => {
    expect(quote([...two, { sku: 'unicorn', quantity: 1 }], shelf)).toEqual({
      lines: [{ sku: 'item1', quantity: 2, unitPriceCents: 300, name: 'Mug' }],
      totalCents: 600,
      currency: 'CHF',
      unknownSkus: ['unicorn'],
    })
  })
})

describe('restocking', () => {
  const known = { sku: 'a', name: 'A', unitPriceCents: 100, available: 5, reserved: 3, committed: 4, restocks: 2 }

  it('says by how much the stock changed, with an id of its own each time', () => {
    const { stock, messages } = restock(known, { sku: 'a', available: 8 }, at)
    expect(stock).toEqual({ ...known, available: 8, restocks: 3 })
    expect(messages).toMatchObject([{ id: 'a/inventory.restocked/3', data: { addedQuantity: 3, available: 8 } }])
  })

  it('to what there is already changes and says nothing', () => {
    expect(restock(known, { sku: 'a', available: 5 }, at)).toEqual({ stock: known, messages: [] })
  })
})

// Checks of what is worth something: the stock adds up, and nobody paid twice or for nothing.
import { acceptedOrders, type Check, groupBy, repeated } from './check.ts'
import type { Snapshot } from './snapshot.ts'

export const stockAddsUp: Check = ({ stockBefore, stock, events }) => {
  const before = new Map(stockBefore.map((row) => [row.sku, row]))
  const restocked = groupBy(
    events.filter(({ type }) => type === 'inventory.restocked'),
    ({ subject }) => subject,
  )
  const violations = stock.flatMap(({ sku, available, reserved, committed }) => {
    const first = before.get(sku)
    const initial = first ? first.available + first.reserved + first.committed : 0
    const added = (restocked.get(sku) ?? []).reduce((sum, { data }) => sum + (data?.addedQuantity ?? 0), 0)
    const now = available + reserved + committed
    return initial + added === now ? [] : [`${sku}: initial ${initial} + restocked ${added} is not ${now}`]
  })
  const gone = stockBefore.filter(({ sku }) => !stock.some((row) => row.sku === sku))
  return {
    promise: 'for each SKU: initial + restocked = available + reserved + committed',
    checked: stock.length,
    violations: [...violations, ...gone.map(({ sku }) => `${sku}: gone`)],
  }
}

export const soldIsDelivered: Check = (snapshot) => {
  const accepted = acceptedOrders(snapshot)
  const completed = snapshot.orders.filter(({ status }) => status === 'completed')
  const sold = new Map<string, number>()
  for (const { order_id } of completed)
    for (const { sku, quantity } of accepted.get(order_id) ?? []) sold.set(sku, (sold.get(sku) ?? 0) + quantity)
  const before = new Map(snapshot.stockBefore.map(({ sku, committed }) => [sku, committed]))
  return {
    promise: 'the sold quantities are those of the completed orders, and nothing is still reserved',
    checked: completed.length,
    violations: snapshot.stock.flatMap(({ sku, reserved, committed }) => {
      const now = committed - (before.get(sku) ?? 0)
      const wanted = sold.get(sku) ?? 0
      return [
        ...(now === wanted ? [] : [`${sku}: ${now} sold, ${wanted} delivered`]),
        ...(reserved === 0 ? [] : [`${sku}: ${reserved} still set aside`]),
      ]
    }),
  }
}

export const neverNegative: Check = ({ stockLooks, stock }) => ({
  promise: 'the stock was never negative at any check',
  checked: stockLooks.count,
  violations: [
    ...stockLooks.negative,
    ...stock
      .filter(({ available, reserved, committed }) => Math.min(available, reserved, committed) < 0)
      .map(({ sku, available, reserved, committed }) => `${sku}: ${available}, ${reserved}, ${committed} at the end`),
  ],
})

/** What an order costs by the prices that stood at the start; where one is changed during a run, customers have agreed to a total. */
function totalOf(lines: { sku: string; quantity: number }[], { stockBefore }: Snapshot): number {
  const price = (sku: string) => stockBefore.find((row) => row.sku === sku)?.unit_price_cents ?? 0
  return lines.reduce((sum, { sku, quantity }) => sum + quantity * price(sku), 0)
}

export const charged: Check = (snapshot) => {
  const accepted = acceptedOrders(snapshot)
  const agreed = new Map(
    snapshot.asked.flatMap(({ action, status, orderId, expectedTotalCents }) =>
      action === 'place' && status === 202 && expectedTotalCents !== undefined ? [[orderId, expectedTotalCents]] : [],
    ),
  )
  const books = new Map(snapshot.charges.map((charge) => [charge.key, charge]))
  const payments = new Map(snapshot.payments.map((payment) => [payment.order_id, payment]))
  const wrong = snapshot.orders.flatMap(({ order_id, status, total_cents }) => {
    const charge = books.get(order_id)
    const payment = payments.get(order_id)
    if (status !== 'completed')
      return charge?.status === 'charged' ? [`${order_id}: cancelled, and the money was kept`] : []
    const total = agreed.get(order_id) ?? totalOf(accepted.get(order_id) ?? [], snapshot)
    const isPaid = charge?.status === 'charged' && charge.amount_cents === total && total_cents === total
    const isKnown = payment?.status === 'succeeded' && payment.charge_id === charge?.charge_id
    return isPaid && isKnown
      ? []
      : [`${order_id}: completed, its total ${total}, the books say ${JSON.stringify(charge)}`]
  })
  const chargeIds = snapshot.charges.flatMap(({ charge_id }) => charge_id ?? [])
  return {
    promise:
      'every order was charged at most once: a completed order its total, a cancelled order nothing, or it was refunded',
    checked: snapshot.charges.length,
    violations: [
      ...wrong,
      ...snapshot.charges.filter(({ key }) => !accepted.has(key)).map(({ key }) => `${key}: charged, and no order`),
      ...repeated(snapshot.charges.map(({ key }) => key)).map((key) => `charged ${key}`),
      ...repeated(chargeIds).map((id) => `charge ${id}`),
    ],
    note: `${snapshot.charges.filter(({ status }) => status === 'refunded').length} refunded`,
  }
}

// Checks of the orders: what was answered holds, and every order that was taken came to one end.
import { acceptedOrders, type Check, groupBy, repeated } from './check.ts'
import type { Asked, FactRow } from './snapshot.ts'

/** What a request may be answered; 0, no answer, only where the load does not insist. */
function isAllowed({ action, status, orderId, answeredId, hadKey, code }: Asked, released: string[]): boolean {
  switch (action) {
    case 'place':
      return status === 202
    case 'repeat':
      return status === 202 && answeredId === orderId
    case 'repeat-changed':
      return status === (hadKey ? 422 : 409)
    case 'cancel':
      return status === 202 || status === 409 || isTrouble(status)
    case 'confirm':
      // 404: payment has not heard of the order yet.
      return status === 202 || status === 409 || status === 404 || isTrouble(status)
    case 'look':
      return status === 200 || status === 404 || status === 503
    case 'reprice':
      // 412: goods were sold since the stock was looked at.
      return status === 200 || status === 412 || isTrouble(status)
    case 'restock':
      // The last release takes a whole count only: it has no such route.
      return status === 200 || isTrouble(status) || (code === 'no_such_route' && released.includes('inventory'))
  }
}

const isTrouble = (status: number) => status === 0 || status >= 500

export const answers: Check = ({ asked, released }) => ({
  promise: 'every request got the correct answer, and a repeat the same as the first',
  checked: asked.length,
  violations: asked
    .filter((request) => !isAllowed(request, released))
    .map(({ action, orderId, status, code }) => `${action} ${orderId}: answered ${status} ${code ?? ''}`.trim()),
})

export const taken: Check = (snapshot) => {
  const accepted = acceptedOrders(snapshot)
  const asked = new Set(snapshot.asked.map(({ orderId }) => orderId))
  const rows = snapshot.orders.map(({ order_id }) => order_id)
  const kept = new Set(rows)
  return {
    promise: 'every order that was answered 202 exists once, and no other order exists',
    checked: accepted.size,
    violations: [
      ...[...accepted.keys()].filter((id) => !kept.has(id)).map((id) => `${id}: answered 202, and not there`),
      ...rows.filter((id) => !asked.has(id)).map((id) => `${id}: nobody placed it`),
      ...repeated(rows).map((id) => `order ${id}`),
      ...repeated(snapshot.facts.map(({ order_id, type }) => `${order_id} ${type}`)).map((fact) => `fact ${fact}`),
    ],
  }
}

/** Derived anew from the facts, not taken from the service's own column. */
function endOf(facts: readonly FactRow[]): 'completed' | 'cancelled' | 'both' | 'open' {
  const has = (...types: string[]) => facts.some(({ type }) => types.includes(type))
  const isCancelled = has('inventory.out_of_stock', 'inventory.price_changed', 'payment.failed', 'shipping.failed')
  const isCompleted = has('shipping.delivered')
  if (isCancelled && isCompleted) return 'both'
  return isCancelled ? 'cancelled' : isCompleted ? 'completed' : 'open'
}

export const ended: Check = ({ orders, facts }) => {
  const byOrder = groupBy(facts, ({ order_id }) => order_id)
  const ends = orders.map(({ order_id, status }) => ({ order_id, status, end: endOf(byOrder.get(order_id) ?? []) }))
  const count = (wanted: string) => ends.filter(({ end }) => end === wanted).length
  return {
    promise: 'every order ended, completed or cancelled, as its facts say',
    checked: orders.length,
    violations: ends
      .filter(({ end, status }) => end !== status || (end !== 'completed' && end !== 'cancelled'))
      .map(({ order_id, status, end }) => `${order_id}: status ${status}, facts say ${end}`),
    note: `${count('completed')} completed, ${count('cancelled')} cancelled`,
  }
}

const SILENT = ['tok_gateway_down', 'tok_answer_lost']

/** A fault of ours is never the reason that a customer is told. */
export const rightlyBlamed: Check = ({ orders, asked }) => {
  const placed = new Map(asked.filter(({ action }) => action === 'place').map((request) => [request.orderId, request]))
  const isBlamed = (reason: string | null) => reason === 'gateway_unavailable' || reason === 'carrier_unavailable'
  const isSilent = (orderId: string) => SILENT.includes(placed.get(orderId)?.method ?? '')
  const hasAgreed = (orderId: string) => placed.get(orderId)?.expectedTotalCents !== undefined
  return {
    promise:
      'no order was cancelled because of an available provider, or because of a price if its customer had named none',
    checked: orders.length,
    violations: orders
      .filter(
        ({ order_id, reason }) =>
          (isBlamed(reason) && !(reason === 'gateway_unavailable' && isSilent(order_id))) ||
          (reason === 'price_changed' && !hasAgreed(order_id)),
      )
      .map(({ order_id, reason }) => `${order_id}: ${reason}`),
  }
}

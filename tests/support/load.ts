// A mixed load: orders that end in different ways, placed a few at a time, tried again until they are accepted.
import { setTimeout as delay } from 'node:timers/promises'
import { eventually } from '@orders/shared/testing'
import type { OrderView, System } from './system.ts'

type Form = Record<string, unknown>

/** Deterministic by its number: most complete, some are declined, sold out, refused or express. */
export function orderForm(prefix: string, number: number): Form & { orderId: string } {
  const form = {
    orderId: `${prefix}-${number}`,
    user: `user${number}`,
    items: ['item1', { sku: 'item2', quantity: 2 }],
  }
  switch (number % 10) {
    case 1:
      return { ...form, paymentMethod: 'tok_declined' }
    case 2:
      return { ...form, items: ['item3', 'soldout'] }
    case 3:
      return { ...form, shippingAddress: 'nowhere' }
    case 4:
      return { ...form, priority: 'express', items: ['item4'] }
    default:
      return form
  }
}

/** How many of the orders with these forms complete. */
export function completedOf(forms: readonly Form[]): number {
  const mayNot = (form: Form) =>
    form.paymentMethod === 'tok_declined' ||
    form.shippingAddress === 'nowhere' ||
    (Array.isArray(form.items) && form.items.includes('soldout'))
  return forms.filter((form) => !mayNot(form)).length
}

/** Places the orders with `parallel` requests at a time; resolves when each was answered 202. */
export async function placeAll(system: System, forms: (Form & { orderId: string })[], parallel = 16): Promise<void> {
  const waiting = [...forms]
  const place = async () => {
    for (let form = waiting.shift(); form; form = waiting.shift()) await placeOne(system, form)
  }
  await Promise.all(Array.from({ length: parallel }, place))
}

/** A client that gets no answer asks again with the same orderId: that is what makes it safe. */
async function placeOne(system: System, form: Form): Promise<void> {
  for (;;) {
    const answer = await system.post('/orders', form).catch(() => undefined)
    if (answer?.status === 202) return
    if (answer && answer.status < 500)
      throw new Error(`POST /orders answered ${answer.status} ${JSON.stringify(answer.body)}`)
    await delay(100)
  }
}

/** Waits until each has ended and, where it is completed, its total is known, within one limit for all. */
export async function endedAll(system: System, orderIds: string[], withinMs: number): Promise<OrderView[]> {
  const deadline = Date.now() + withinMs
  const orders: OrderView[] = []
  for (const orderId of orderIds) {
    const leftMs = () => Math.max(1_000, deadline - Date.now())
    const order = await system.ended(orderId, leftMs())
    // What the goods cost may be heard after all the rest, when its message has had to wait.
    const isPriced = async () => {
      const now = await system.order(orderId)
      return now.totalCents !== null && now
    }
    const waits = order.status === 'completed' && order.totalCents === null
    orders.push(waits ? await eventually(`the total of ${orderId} is known`, isPriced, leftMs()) : order)
  }
  return orders
}

// Customers and an operator: they ask as clients over HTTP do, by the functions that the routes call, and ask again when
// they get no answer.
import { PaymentConfirm } from '@orders/shared/contracts'
import { ask, type Work } from '@orders/shared/messaging'
import { RejectedError } from '@orders/shared/runtime'
import { adjustStock, setStock } from '../../inventory-service/handlers.ts'
import { pseudonyms } from '../../order-service/customers.ts'
import { linesOf, type Order, orderOf } from '../../order-service/domain.ts'
import type { WantedRefund } from '../../order-service/facts.ts'
import { placeOrder, requestCancellation, requestRefund } from '../../order-service/handlers.ts'
import { orders } from '../../order-service/store.ts'
import { type Plan, SCARCE } from './orders.ts'
import type { World } from './world.ts'

const customerIdOf = pseudonyms(Buffer.from('a key that is the same in every run'))
const PATIENCE_MEAN_MS = 300
const LOOK_MEAN_MS = 1_500
/** The last of them is more than is left. */
const PARTS = [[{ sku: 'item1', quantity: 1 }], [{ sku: 'item2', quantity: 1 }], [{ sku: 'item2', quantity: 2 }]]

/** Asks until it is answered; a refusal is an answer. */
async function insist<T>({ time, random }: World, question: () => Promise<T>): Promise<T | RejectedError> {
  for (;;) {
    const answer = await question().catch((error: unknown) => error)
    if (!(answer instanceof Error)) return answer as T
    if (answer instanceof RejectedError && answer.status < 500) return answer
    await time.pause(random.wait(PATIENCE_MEAN_MS))
  }
}

/** Places the order and does what its customer does; resolves when nothing more is wanted. */
export async function behave(world: World, plan: Plan): Promise<void> {
  const { random, time } = world
  const twice = random.chance(0.05)
  await Promise.all([place(world, plan), twice && place(world, plan)])
  if (plan.afterwards === 'waits') return
  if (plan.afterwards === 'cancels') {
    await time.pause(random.wait(random.pick([1, 10, 100, 3_000])))
    await cancel(world, plan)
    return
  }
  if (plan.afterwards === 'gives_back' || plan.afterwards === 'gives_back_parts') {
    await shipped(world, plan)
    const parts = plan.afterwards === 'gives_back' ? [undefined] : PARTS
    await Promise.all(
      parts.flatMap((lines, index) => [giveBack(world, plan, index, lines), giveBack(world, plan, index, lines)]),
    )
    return
  }
  if (await isAsked(world, plan)) await (plan.afterwards === 'confirms' ? confirm : cancel)(world, plan)
}

async function place(world: World, { orderId, form }: Plan): Promise<void> {
  const { items, priority = 'standard' as const, ...customer } = form
  const placed = { ...customer, customerId: customerIdOf(customer.user), priority, lines: linesOf(items) }
  const answer = await insist(world, () =>
    world.ask('order-service', ({ commit, now }) =>
      commit.submit(placeOrder({ orderId, key: `key-${orderId}`, placed, at: now().toISOString() })),
    ),
  )
  if (answer instanceof RejectedError) throw answer
}

/** Refused when it is too late, which is as good. */
async function cancel(world: World, { orderId }: Plan): Promise<void> {
  await insist(world, () =>
    world.ask('order-service', ({ commit, now }) =>
      commit.submit(requestCancellation({ orderId, at: now().toISOString() })),
    ),
  )
}

async function confirm(world: World, { orderId }: Plan): Promise<void> {
  await insist(world, () => world.ask('order-service', ({ broker }) => ask(broker, PaymentConfirm, { orderId }, 2_000)))
}

/** The order a while later; undefined when nobody could be asked. */
async function look(world: World, { orderId }: Plan): Promise<Order | undefined> {
  await world.time.pause(world.random.wait(LOOK_MEAN_MS))
  const order = await insist<Order | undefined>(world, () =>
    world.ask('order-service', async ({ database }) =>
      orderOf(orderId, (await orders.load(database, [orderId])).get(orderId) ?? []),
    ),
  )
  return order instanceof RejectedError ? undefined : order
}

/** Looks again and again whether the order waits for its customer's word; false when it has ended without. */
async function isAsked(world: World, plan: Plan): Promise<boolean> {
  for (;;) {
    const order = await look(world, plan)
    if (!order) continue
    if (order.status === 'awaiting_confirmation') return true
    if (order.status === 'completed' || order.status === 'cancelled') return false
  }
}

/** An operator gives back what came back; asked again and again it is one refund, and what cannot be given back any more is refused. */
async function giveBack(world: World, { orderId }: Plan, index: number, lines: WantedRefund['lines']): Promise<void> {
  const wanted = { reason: 'damaged', returnToStock: true, ...(lines && { lines }) }
  await insist(world, () =>
    world.ask('order-service', ({ commit, now }) =>
      commit.submit(requestRefund(orderId, { key: `back-${index}`, wanted, at: now().toISOString() })),
    ),
  )
}

/** Looks again and again until the order is on its way, or has ended otherwise. */
async function shipped(world: World, plan: Plan): Promise<void> {
  for (;;) {
    const status = (await look(world, plan))?.status
    if (status === 'shipped' || status === 'completed' || status === 'cancelled') return
  }
}

/** More of what is scarce comes in; the first that comes makes it known. */
export async function restock(world: World): Promise<void> {
  const [difference, key] = [world.random.between(0, 6), `restock-${world.random.between(0, 1_000_000_000)}`]
  const asked = <T>(work: (at: string) => Work<T>) =>
    insist(world, () => world.ask('inventory-service', ({ commit, now }) => commit.submit(work(now().toISOString()))))
  await asked((at) => setStock({ sku: SCARCE, available: 0, unitPriceCents: 700 }, { ifNoneMatch: '*' }, at))
  await asked((at) => adjustStock(key, { sku: SCARCE, difference, reason: 'restocked' }, at))
}

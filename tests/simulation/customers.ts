// Customers and an operator: they ask as clients over HTTP do, by the functions that the routes call, and ask again when
// they get no answer.
import { PaymentConfirm } from '@orders/shared/contracts'
import { ask, type Work } from '@orders/shared/messaging'
import { RejectedError } from '@orders/shared/runtime'
import { insist } from '@orders/shared/testing'
import { stateOf } from '../../inventory-service/domain.ts'
import { adjustStock, setStock } from '../../inventory-service/handlers.ts'
import { stock } from '../../inventory-service/store.ts'
import { pseudonyms } from '../../order-service/customers.ts'
import { linesOf, type Order, orderOf } from '../../order-service/domain.ts'
import type { WantedRefund } from '../../order-service/facts.ts'
import { placeOrder, requestCancellation, requestRefund } from '../../order-service/handlers.ts'
import { placeAtPrice } from '../../order-service/placing.ts'
import { orders } from '../../order-service/store.ts'
import { type Plan, PRICES, REPRICED, SCARCE } from './orders.ts'
import type { World } from './world.ts'

const customerIdOf = pseudonyms(Buffer.from('a key that is the same in every run'))
const LOOK_MEAN_MS = 1_500
const ANSWER_WITHIN_MS = 2_000
/** The last of them is more than is left. */
const PARTS = [[{ sku: 'item1', quantity: 1 }], [{ sku: 'item2', quantity: 1 }], [{ sku: 'item2', quantity: 2 }]]

/** Places the order and does what its customer does; resolves when nothing more is wanted. */
export async function behave(world: World, plan: Plan): Promise<void> {
  const { random, time } = world
  // Whoever agrees to another price asks for something else, so two at once would be two orders of one id.
  const twice = random.chance(0.05) && !plan.mayEnd.includes('price_changed')
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

/** A customer who is told of another price agrees to it. */
async function place(world: World, plan: Plan): Promise<void> {
  const { orderId, form } = plan
  const { items, priority = 'standard' as const, ...customer } = form
  const placed = { ...customer, customerId: customerIdOf(customer.user), priority, lines: linesOf(items) }
  const answer = await insist(world, () =>
    world.ask('order-service', async ({ commit, openKey, broker, now }) => {
      await openKey(placed.customerId)
      return placeAtPrice(placed, {
        ...{ broker, timeoutMs: ANSWER_WITHIN_MS, cause: {} },
        place: (price) =>
          commit.submit(placeOrder({ orderId, key: `key-${orderId}`, placed, price, at: now().toISOString() })),
      })
    }),
  )
  if (!(answer instanceof RejectedError)) return
  const { totalCents } = answer.members ?? {}
  if (answer.code !== 'price_changed' || typeof totalCents !== 'number') throw answer
  await place(world, { ...plan, form: { ...form, expectedTotalCents: totalCents } })
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
  await insist(world, () =>
    world.ask('order-service', ({ broker }) => ask(broker, PaymentConfirm, { orderId }, ANSWER_WITHIN_MS)),
  )
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
  await asked((at) => setStock({ sku: SCARCE, available: 0, unitPriceCents: 700 }, { 'if-none-match': '*' }, at))
  await asked((at) => adjustStock(key, { sku: SCARCE, difference, reason: 'restocked' }, at))
}

/** An operator changes a price; not, when goods were sold since they looked. */
export async function reprice(world: World): Promise<void> {
  await insist(world, () =>
    world.ask('inventory-service', async ({ commit, database, now }) => {
      const known = (await stock.load(database, [REPRICED])).get(REPRICED)
      if (!known) throw new Error(`there is no ${REPRICED}`)
      const unitPriceCents = PRICES.find((price) => price !== known.unitPriceCents)
      const wanted = { sku: REPRICED, available: known.available, unitPriceCents }
      return commit.submit(setStock(wanted, { 'if-match': stateOf(known) }, now().toISOString()))
    }),
  )
}

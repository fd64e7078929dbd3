// The SQL that encrypts, batch by batch, the personal data of orders stored before encryption was switched on.
import { lockKeyOf, personalKeys } from '@orders/shared/messaging'
import { apart, type Database, type Reader, sealable } from '@orders/shared/storage'
import { type Placed, partsOf } from '../facts.ts'
import { orders } from '../store.ts'

interface Plain {
  orderId: string
  customerId: string
}

/** Literals instead of parameters: only then can the planner use the partial index of the rows that are left. */
const IN_PLAIN_TEXT = `type = 'order.created' and (personal is null or substr(personal, 1, 1) = '{')`

export const plainAfter = (sql: Reader, after: string, limit: number): Promise<Plain[]> =>
  sql.all<Plain>(
    `select facts.order_id as "orderId", orders.customer_id as "customerId" from facts
     join orders on orders.order_id = facts.order_id
     where ${IN_PLAIN_TEXT} and facts.order_id > ? and orders.customer_id is not null order by facts.order_id limit ?`,
    after,
    limit,
  )

/** The customers that never had a key. A forgotten customer is not among them and gets no new key. */
export async function keylessAmong(sql: Reader, customerIds: string[]): Promise<string[]> {
  const keys = await personalKeys.load(sql, customerIds)
  return customerIds.filter((customerId) => !keys.has(customerId))
}

/** Every customer of these orders must have a key or be forgotten. */
export function sealAll(database: Database, all: readonly Plain[]): Promise<void> {
  return database.transaction(async (tx) => {
    await tx.lock(all.map(({ orderId }) => lockKeyOf(orders, orderId)))
    for (const { orderId, customerId } of all) {
      const fact = await tx.get<{ data: string }>(
        `select data from facts where order_id = ? and ${IN_PLAIN_TEXT}`,
        orderId,
      )
      if (!fact) continue
      // The cast is safe: `saveFacts` wrote the row.
      const placed = { ...(JSON.parse(fact.data) as Placed), customerId }
      const { personal, rest } = partsOf(placed)
      const texts = { whole: fact.data, rest: JSON.stringify(rest), secret: JSON.stringify(personal) }
      await tx.run(
        `update facts set data = ?, personal = ? where order_id = ? and ${IN_PLAIN_TEXT}`,
        ...apart(customerId, texts),
        orderId,
      )
      await tx.run('update orders set user_name = ? where order_id = ?', sealable(customerId, placed.user), orderId)
    }
  })
}

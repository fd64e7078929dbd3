// What is due is claimed many at a time, and by whoever keeps the others waiting nobody is held up.
import { expect, it, onTestFinished } from 'vitest'
import { handleDue, type Retrying } from '../../retries/due.ts'
import { keptOf } from '../../retries/kept.ts'
import { retries } from '../../retries/retries.ts'
import { deferred } from '../../runtime/deferred.ts'
import type { Database } from '../../storage/index.ts'
import { eventually } from '../../testing/index.ts'
import { NOW, openKernel } from './kernel.ts'

const QUEUE = 'payment.queue'
const NEVER_MS = 3_600_000

/** So many rows are due, and one consumer who handles them so. */
async function dueRows(count: number, consumer: Pick<Retrying, 'rowsMax' | 'again'>) {
  const claims: number[] = []
  const wrap = (database: Database): Database => ({
    ...database,
    transaction: (work) =>
      database.transaction((tx) =>
        work({
          ...tx,
          async all(sql, ...values) {
            const rows = await tx.all<never>(sql, ...values)
            if (sql.includes('update retries')) claims.push(rows.length)
            return rows
          },
        }),
      ),
  })
  const { kernel } = await openKernel({ wrap })
  const { database } = kernel
  const properties = { messageId: '', type: 'order.placed', headers: {} }
  const rows = Array.from({ length: count }, (_, number) =>
    keptOf(
      QUEUE,
      {
        exchange: '',
        routingKey: QUEUE,
        body: Buffer.from('{}'),
        properties: { ...properties, messageId: `${number}` },
      },
      NOW,
    ),
  )
  await database.transaction((tx) =>
    retries.save(
      tx,
      rows.map((after) => ({ key: after.id, before: undefined, after })),
    ),
  )
  const due = handleDue(kernel, [{ queue: QUEUE, held: () => [], ...consumer }], [], NEVER_MS)
  onTestFinished(() => due.close())
  due.wake()
  return { claims, claimed: () => claims.reduce((sum, some) => sum + some, 0) }
}

it('rows that end one by one are claimed by half of what there may be, and none is left', async () => {
  let turns = Promise.resolve()
  // Each ends a turn after the one before.
  const again = () => {
    turns = turns.then(() => new Promise((next) => setImmediate(next)))
    return turns
  }
  const { claims, claimed } = await dueRows(200, { rowsMax: 16, again })
  await eventually('all are claimed', () => claimed() === 200)
  // One after the other it would be 185. A slow machine claims fewer than half now and then.
  expect(claims.filter((some) => some > 0).length).toBeLessThan(2 * Math.ceil(200 / 8))
})

it('while most of them wait for somebody, what there is room for is claimed all the same', async () => {
  const answer = deferred()
  let handled = 0
  const again = () => (handled++ < 12 ? answer.promise : Promise.resolve())
  const { claimed } = await dueRows(100, { rowsMax: 16, again })
  onTestFinished(() => answer.resolve())
  await eventually('all are claimed', () => claimed() === 100)
})

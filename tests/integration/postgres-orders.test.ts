// order-service's counts of open orders on PostgreSQL: the same numbers, by the index alone.
import { join } from 'node:path'
import { insert, migrate, openDatabase } from '@orders/shared/storage'
import { expect, it, onTestFinished } from 'vitest'
import { COUNT_OPEN, countOpen } from '../../order-service/store.ts'
import { testDatabase } from '../support/postgres.ts'

const at = '2026-01-01T00:00:00.000Z'

it('counts the open orders of each status', async () => {
  const { url, remove } = testDatabase()
  const database = await openDatabase('order-service', '.data', url)
  onTestFinished(async () => {
    await database.close()
    await remove()
  })
  await migrate(database, [join(import.meta.dirname, '../../order-service/migrations')])
  const statuses = ['created', 'created', 'created', 'paid', 'completed', 'cancelled']
  await insert(
    database,
    'orders (order_id, user_name, status, created_at, updated_at)',
    statuses.map((status, index) => [String(index), 'ann', status, at, at]),
  )
  expect((await countOpen(database, 2)).filter(({ count }) => count > 0)).toEqual([
    { status: 'created', count: 2, oldest: at },
    { status: 'paid', count: 1, oldest: at },
  ])
  const plan = await database.all(`explain ${COUNT_OPEN}`, 2, 2, 2, 2, 2)
  expect(JSON.stringify(plan).match(/orders_by_status/g)).toHaveLength(5)
})

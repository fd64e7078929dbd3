// What must be true of money, goods and mails once every order has ended, read from where each is kept, by code that
// shares nothing with the services.
import { join } from 'node:path'
import { eventually } from '@orders/shared/testing'
import Sqlite from 'better-sqlite3'
import { expect } from 'vitest'
import { failedMessages } from './dead-letters.ts'
import type { OrderView, System } from './system.ts'

interface Charge {
  key: string
  amount_cents: number | null
  status: string
}

interface StockRow {
  sku: string
  available: number
  reserved: number
  committed: number
}

/**
 * Compares the ended orders with the stock and with the gateway's own books; and nothing of them failed for good.
 *
 * @param initial what each SKU had before the first of these orders
 */
export async function expectAgreement(system: System, orders: OrderView[], initial: StockRow[]): Promise<void> {
  expectMoney(system, orders)
  expect(await failedMessages(system)).toEqual([])
  const now = await stockAtRest(system, initial)
  for (const before of initial) {
    const sold = orders
      .filter(({ status }) => status === 'completed')
      .flatMap(({ lines }) => lines)
      .filter(({ sku }) => sku === before.sku)
      .reduce((sum, { quantity }) => sum + quantity, 0)
    const after = {
      sku: before.sku,
      available: before.available - sold,
      reserved: 0,
      committed: before.committed + sold,
    }
    expect(now.find(({ sku }) => sku === before.sku)).toMatchObject(after)
  }
}

export async function stockOf(system: System): Promise<StockRow[]> {
  const { stock } = await system.get<{ stock: StockRow[] }>('/stock', 'inventory')
  return stock.map(({ sku, available, reserved, committed }) => ({ sku, available, reserved, committed }))
}

/** An order may end before inventory, which hears of its payment as well, has sold its goods or let them go. */
function stockAtRest(system: System, initial: StockRow[]): Promise<StockRow[]> {
  const skus = new Set(initial.map(({ sku }) => sku))
  let last: StockRow[] = []
  const reserved = () => last.filter((row) => skus.has(row.sku) && row.reserved > 0)
  return eventually(
    () => `nothing is reserved any more, but ${JSON.stringify(reserved())}`,
    async () => {
      last = await stockOf(system)
      return reserved().length === 0 && last
    },
  )
}

/** Completed: charged once, the order's total. Cancelled: never charged, or given back. */
function expectMoney(system: System, orders: OrderView[]): void {
  const books = new Sqlite(join(system.dataDir, 'payment-gateway.db'), { readonly: true })
  const charges = books.prepare('select key, amount_cents, status from charges').all() as Charge[]
  books.close()
  const byKey = new Map(charges.map((charge) => [charge.key, charge]))
  for (const { orderId, status, totalCents } of orders) {
    const charge = byKey.get(orderId)
    if (status === 'completed') expect(charge).toMatchObject({ status: 'charged', amount_cents: totalCents })
    else expect(charge?.status ?? 'never asked').not.toBe('charged')
  }
}

// The SQL of inventory-service: the stock of each SKU, and one reservation for each order.
import type { Change, State } from '@orders/shared/messaging'
import { byKey, insert, type Reader, type Sql } from '@orders/shared/storage'
import type { Adjustment, Article, GoodsFact, Reservation, Return, Stock } from './domain.ts'

export const stock: State<Stock> = { name: 'stock', load: loadStock, save: saveStock }
export const reservations: State<Reservation> = {
  name: 'reservations',
  load: loadReservations,
  save: saveReservations,
}

/** The key is the Idempotency-Key. */
export const adjustments: State<Adjustment> = { name: 'adjustments', load: loadAdjustments, save: saveAdjustments }

const STOCK = `select sku, name, unit_price_cents as "unitPriceCents", available, reserved, committed, restocks from stock`

async function loadStock(sql: Reader, skus: string[]): Promise<Map<string, Stock>> {
  const rows = await sql.all<Stock>(`${STOCK} where sku in each(?)`, skus)
  return byKey(
    rows,
    ({ sku }) => sku,
    (row) => row,
  )
}

async function saveStock(tx: Sql, changes: Change<Stock>[]): Promise<void> {
  await insert(
    tx,
    'stock (sku, name, unit_price_cents, available, reserved, committed, restocks)',
    changes.map(({ after }) => [
      after.sku,
      after.name,
      after.unitPriceCents,
      after.available,
      after.reserved,
      after.committed,
      after.restocks,
    ]),
    `on conflict (sku) do update set name = excluded.name, unit_price_cents = excluded.unit_price_cents,
       available = excluded.available, reserved = excluded.reserved, committed = excluded.committed,
       restocks = excluded.restocks`,
  )
}

async function loadAdjustments(sql: Reader, keys: string[]): Promise<Map<string, Adjustment>> {
  const rows = await sql.all<Adjustment & { key: string }>(
    'select idempotency_key as "key", sku, difference, reason from adjustments where idempotency_key in each(?)',
    keys,
  )
  return byKey(
    rows,
    ({ key }) => key,
    ({ sku, difference, reason }) => ({ sku, difference, reason }),
  )
}

async function saveAdjustments(tx: Sql, changes: Change<Adjustment>[]): Promise<void> {
  await insert(
    tx,
    'adjustments (idempotency_key, sku, difference, reason)',
    changes.map(({ key, after: { sku, difference, reason } }) => [key, sku, difference, reason]),
  )
}

/** Sorted by SKU. `after` is the last SKU of the previous page. */
export function listStock(sql: Reader, { after, limit }: { after: string; limit: number }): Promise<Stock[]> {
  return sql.all<Stock>(`${STOCK} where sku > ? order by sku limit ?`, after, limit)
}

interface ReservationRow extends Pick<Reservation, 'outcome' | 'updatedAt'> {
  orderId: string
  lines: string
  facts: string
  returns: string | null
}

async function loadReservations(sql: Reader, orderIds: string[]): Promise<Map<string, Reservation>> {
  const rows = await sql.all<ReservationRow>(
    `select order_id as "orderId", outcome, lines, facts, returns, updated_at as "updatedAt" from reservations
     where order_id in each(?)`,
    orderIds,
  )
  return byKey(
    rows,
    ({ orderId }) => orderId,
    // The casts are safe: `saveReservations` wrote every row.
    ({ outcome, lines, facts, returns, updatedAt }) => ({
      outcome,
      lines: JSON.parse(lines),
      facts: JSON.parse(facts) as GoodsFact[],
      returns: returns === null ? [] : (JSON.parse(returns) as Return[]),
      updatedAt,
    }),
  )
}

async function saveReservations(tx: Sql, changes: Change<Reservation>[]): Promise<void> {
  await insert(
    tx,
    'reservations (order_id, outcome, lines, facts, returns, updated_at)',
    changes.map(({ key, after: { outcome, lines, facts, returns, updatedAt } }) => [
      key,
      outcome,
      JSON.stringify(lines),
      JSON.stringify(facts),
      returns.length === 0 ? null : JSON.stringify(returns),
      updatedAt,
    ]),
    `on conflict (order_id) do update set outcome = excluded.outcome, lines = excluded.lines, facts = excluded.facts,
       returns = excluded.returns, updated_at = excluded.updated_at`,
  )
}

/** Adds articles with a new SKU. Existing ones keep their stock and price. */
export async function addMissing(tx: Sql, articles: Article[]): Promise<void> {
  await insert(
    tx,
    'stock (sku, name, unit_price_cents, available)',
    articles.map(({ sku, name, unitPriceCents, available }) => [sku, name, unitPriceCents, available]),
    'on conflict (sku) do nothing',
  )
}

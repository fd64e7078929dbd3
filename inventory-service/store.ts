// inventory-service's SQL: the stock of each SKU, and one reservation for each order.
import type { Sql } from '@orders/shared/storage'
import type { Article, Decision, GoodsFact, Move, Reservation } from './domain.ts'

type Reader = Pick<Sql, 'all' | 'get'>

export interface StockRow extends Article {
  reserved: number
  committed: number
  restocks: number
}

/** One key for the whole stock: which SKUs an order is about is only known once its reservation has been loaded. */
export const STOCK_KEY = 'stock'

const STOCK = `select sku, name, unit_price_cents as "unitPriceCents", available, reserved, committed, restocks from stock`

export function stockOf(sql: Reader, sku: string): Promise<StockRow | undefined> {
  return sql.get<StockRow>(`${STOCK} where sku = ?`, sku)
}

export function listStock(sql: Reader): Promise<StockRow[]> {
  return sql.all<StockRow>(`${STOCK} order by sku`)
}

/** The articles with these SKUs, those that exist. */
export async function articlesOf(tx: Reader, skus: string[]): Promise<Map<string, Article>> {
  const articles = new Map<string, Article>()
  for (const sku of skus) {
    const article = await stockOf(tx, sku)
    if (article) articles.set(sku, article)
  }
  return articles
}

export async function reservationOf(tx: Reader, orderId: string): Promise<Reservation | undefined> {
  const row = await tx.get<{ outcome: Reservation['outcome']; lines: string; facts: string }>(
    'select outcome, lines, facts from reservations where order_id = ?',
    orderId,
  )
  // The cast is the decoding edge: every row was written by `saveDecision`.
  return row && { outcome: row.outcome, lines: JSON.parse(row.lines), facts: JSON.parse(row.facts) as GoodsFact[] }
}

export async function saveDecision(
  tx: Sql,
  orderId: string,
  { reservation, moves }: Decision,
  now: string,
): Promise<void> {
  if (!reservation) return
  await tx.run(
    `insert into reservations (order_id, outcome, lines, facts, updated_at) values (?, ?, ?, ?, ?)
     on conflict (order_id) do update set outcome = excluded.outcome, lines = excluded.lines, facts = excluded.facts,
       updated_at = excluded.updated_at`,
    orderId,
    reservation.outcome,
    JSON.stringify(reservation.lines),
    JSON.stringify(reservation.facts),
    now,
  )
  for (const move of moves) await moveStock(tx, move)
}

async function moveStock(tx: Sql, { sku, available, reserved, committed }: Move): Promise<void> {
  await tx.run(
    'update stock set available = available + ?, reserved = reserved + ?, committed = committed + ? where sku = ?',
    available,
    reserved,
    committed,
    sku,
  )
}

export async function saveArticle(tx: Sql, article: Article & { restocks: number }): Promise<void> {
  await tx.run(
    `insert into stock (sku, name, unit_price_cents, available, restocks) values (?, ?, ?, ?, ?)
     on conflict (sku) do update set name = excluded.name, unit_price_cents = excluded.unit_price_cents,
       available = excluded.available, restocks = excluded.restocks`,
    article.sku,
    article.name,
    article.unitPriceCents,
    article.available,
    article.restocks,
  )
}

/** Adds the articles whose SKU is not there yet; those that are keep their stock and price. */
export async function addMissing(tx: Sql, articles: Article[]): Promise<void> {
  for (const { sku, name, unitPriceCents, available } of articles)
    await tx.run(
      'insert into stock (sku, name, unit_price_cents, available) values (?, ?, ?, ?) on conflict (sku) do nothing',
      sku,
      name,
      unitPriceCents,
      available,
    )
}

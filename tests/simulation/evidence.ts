// What is left of the orders when all has come to rest, read by SQL that shares nothing with the services.
import { type KeptAtRest, rowsOf } from '@orders/shared/testing'
import type { Told } from '../../audit-service/told.ts'
import { entriesIn } from '../chaos/oracle/audit-log.ts'
import type { Plan } from './orders.ts'
import type { World } from './world.ts'

export interface OrderRow {
  order_id: string
  status: string
  reason: string | null
  total_cents: number | null
}

export interface StockRow {
  sku: string
  available: number
  reserved: number
  committed: number
}

export interface Evidence extends KeptAtRest {
  plans: readonly Plan[]
  orders: ReadonlyMap<string, OrderRow>
  /** Of the audit log, by subject. */
  events: ReadonlyMap<string, Told[]>
  stock: StockRow[]
  world: World
}

export async function gather(world: World, plans: readonly Plan[], kept: KeptAtRest): Promise<Evidence> {
  const orders = rowsOf<OrderRow>(world, 'order-service', 'select order_id, status, reason, total_cents from orders')
  return {
    ...kept,
    plans,
    orders: new Map(orders.map((row) => [row.order_id, row])),
    events: await eventsBySubject(world),
    stock: rowsOf(world, 'inventory-service', 'select sku, available, reserved, committed from stock'),
    world,
  }
}

async function eventsBySubject(world: World): Promise<Map<string, Told[]>> {
  const bySubject = new Map<string, Told[]>()
  for await (const { body, ...event } of entriesIn((sql) => rowsOf(world, 'audit-service', sql))) {
    const told = bySubject.get(event.subject) ?? []
    told.push({ ...event, data: JSON.parse(body).data })
    bySubject.set(event.subject, told)
  }
  return bySubject
}

// What is left when all has come to rest, read from where each thing is kept, by SQL that shares nothing with the services.

import { createHash } from 'node:crypto'
import { topology } from '@orders/shared/contracts'
import type { Told } from '../../audit-service/told.ts'
import { entriesIn } from '../chaos/oracle/audit-log.ts'
import type { Letter } from './operator.ts'
import type { Plan } from './orders.ts'
import { services } from './services.ts'
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

export interface Evidence {
  plans: readonly Plan[]
  orders: ReadonlyMap<string, OrderRow>
  /** Of the audit log, by subject. */
  events: ReadonlyMap<string, Told[]>
  stock: StockRow[]
  /** What each queue still holds, deliveries under way included. */
  queues: { name: string; messages: number }[]
  outboxRows: { service: string; rows: number }[]
  retries: { service: string; rows: { id: string; why: string }[] }[]
  letters: Letter[]
  world: World
}

export async function gather(
  world: World,
  plans: readonly Plan[],
  letters: ReadonlyMap<string, Letter>,
): Promise<Evidence> {
  const { memory } = world
  const orders = rowsOf<OrderRow>(world, 'order-service', 'select order_id, status, reason, total_cents from orders')
  return {
    plans,
    orders: new Map(orders.map((row) => [row.order_id, row])),
    events: await eventsBySubject(world),
    stock: rowsOf(world, 'inventory-service', 'select sku, available, reserved, committed from stock'),
    queues: topology.queues.map(({ name }) => ({
      name,
      messages: memory.messages(name).length + memory.unsettled(name),
    })),
    retries: services.map(({ name }) => ({ service: name, rows: rowsOf(world, name, 'select id, why from retries') })),
    outboxRows: services.map(({ name }) => ({
      service: name,
      rows: rowsOf<{ rows: number }>(world, name, 'select count(*) as rows from outbox')[0]?.rows ?? Number.NaN,
    })),
    letters: [...letters.values()],
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

export function rowsOf<R>(world: World, service: string, sql: string): R[] {
  return world.store(service).connection.prepare(sql).all() as R[]
}

/** Everything that the services keep, as one hash for each table. */
export function everythingKept(world: World): Record<string, string> {
  const kept: Record<string, string> = {}
  for (const { name } of services)
    for (const table of tablesOf(world, name)) kept[`${name} ${table}`] = hashOfTable(world, name, table)
  return kept
}

/** What comes and goes is left out, and so are the names, random ones, by which copies say that they live. */
function tablesOf(world: World, service: string): string[] {
  const tables = rowsOf<{ name: string }>(
    world,
    service,
    `select name from sqlite_master where type = 'table' and name not in ('outbox', 'outbox_copies', 'migrations') order by name`,
  )
  return tables.map(({ name }) => name)
}

/** The head of the audit log stands for all of it. */
export function hashOfTable(world: World, service: string, table: string): string {
  const only = table === 'blocks' ? 'order by first desc limit 1' : ''
  const rows = world.store(service).connection.prepare(`select * from ${table} ${only}`).raw().iterate()
  const hash = createHash('sha1')
  for (const row of rows) hash.update(JSON.stringify(row))
  return hash.digest('hex')
}

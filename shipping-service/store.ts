// The SQL of shipping-service: one row for each order.
import type { Change, State } from '@orders/shared/messaging'
import { byKey, insert, type Reader, type Sql } from '@orders/shared/storage'
import type { Shipment } from './domain.ts'

export const shipments: State<Shipment> = { name: 'shipments', load, save }

async function load(sql: Reader, orderIds: string[]): Promise<Map<string, Shipment>> {
  const rows = await sql.all<Shipment>(
    `select order_id as "orderId", status, priority, tracking_id as "trackingId", carrier, reason,
       delivered_at as "deliveredAt", version, created_at as "createdAt", updated_at as "updatedAt"
     from shipments where order_id in each(?)`,
    orderIds,
  )
  return byKey(
    rows,
    ({ orderId }) => orderId,
    (shipment) => shipment,
  )
}

async function save(tx: Sql, changes: Change<Shipment>[]): Promise<void> {
  await insert(
    tx,
    `shipments (order_id, status, priority, tracking_id, carrier, reason, delivered_at, version,
       created_at, updated_at)`,
    changes.map(({ after: shipment }) => [
      shipment.orderId,
      shipment.status,
      shipment.priority,
      shipment.trackingId,
      shipment.carrier,
      shipment.reason,
      shipment.deliveredAt,
      shipment.version,
      shipment.createdAt,
      shipment.updatedAt,
    ]),
    `on conflict (order_id) do update set status = excluded.status, priority = excluded.priority,
       tracking_id = excluded.tracking_id, carrier = excluded.carrier, reason = excluded.reason,
       delivered_at = excluded.delivered_at, version = excluded.version, updated_at = excluded.updated_at`,
  )
}

/** The orders whose parcel was handed over by then and has not arrived, the oldest first. */
export async function onTheRoadSince(sql: Reader, since: string, limit: number): Promise<string[]> {
  const rows = await sql.all<{ orderId: string }>(
    `select order_id as "orderId" from shipments where status = 'prepared' and created_at <= ?
     order by created_at limit ?`,
    since,
    limit,
  )
  return rows.map(({ orderId }) => orderId)
}

// shipping-service's SQL: one row for each order.
import { TransientError } from '@orders/shared/runtime'
import type { Sql } from '@orders/shared/storage'
import type { Shipment } from './domain.ts'

export async function shipmentOf(sql: Pick<Sql, 'get'>, orderId: string): Promise<Shipment | undefined> {
  return sql.get<Shipment>(
    `select order_id as "orderId", status, priority, tracking_id as "trackingId", carrier, reason,
       delivered_at as "deliveredAt", version, created_at as "createdAt", updated_at as "updatedAt"
     from shipments where order_id = ?`,
    orderId,
  )
}

/** The orders whose parcel was handed over by then and has not arrived, the first of them first. */
export async function onTheRoadSince(sql: Pick<Sql, 'all'>, since: string, limit: number): Promise<string[]> {
  const rows = await sql.all<{ orderId: string }>(
    `select order_id as "orderId" from shipments where status = 'prepared' and created_at <= ?
     order by created_at limit ?`,
    since,
    limit,
  )
  return rows.map(({ orderId }) => orderId)
}

/**
 * Saves a shipment that was loaded in the same transaction, or begun in it.
 *
 * @throws TransientError `shipment_changed` when another copy of the service saved it in between, which only PostgreSQL allows.
 */
export async function saveShipment(tx: Sql, shipment: Shipment): Promise<void> {
  const saved = await tx.run(
    `insert into shipments (order_id, status, priority, tracking_id, carrier, reason, delivered_at, version,
       created_at, updated_at)
     values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
     on conflict (order_id) do update set status = excluded.status, delivered_at = excluded.delivered_at,
       version = excluded.version, updated_at = excluded.updated_at
     where shipments.version = excluded.version - 1`,
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
  )
  if (saved === 0)
    throw new TransientError('shipment_changed', `the shipment of order ${shipment.orderId} changed meanwhile`)
}

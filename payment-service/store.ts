// payment-service's SQL: one row for each order.
import { TransientError } from '@orders/shared/runtime'
import type { Sql } from '@orders/shared/storage'
import type { Payment, Reservation } from './domain.ts'

type PaymentRow = Omit<Payment, 'reservation'> & { reservation: string | null }

export async function paymentOf(sql: Pick<Sql, 'get'>, orderId: string): Promise<Payment | undefined> {
  const row = await sql.get<PaymentRow>(
    `select order_id as "orderId", status, total_cents as "totalCents", charge_id as "chargeId",
       refund_id as "refundId", reason, shipping_failure as "shippingFailure", confirm_before as "confirmBefore",
       reservation, version, created_at as "createdAt", updated_at as "updatedAt"
     from payments where order_id = ?`,
    orderId,
  )
  // The cast is the decoding edge: every row was written by `savePayment`.
  return row && { ...row, reservation: row.reservation === null ? null : (JSON.parse(row.reservation) as Reservation) }
}

/** The orders whose customer should have confirmed by then and has not, the first of them first. */
export async function awaitedUntil(sql: Pick<Sql, 'all'>, confirmBefore: string, limit: number): Promise<string[]> {
  const rows = await sql.all<{ orderId: string }>(
    `select order_id as "orderId" from payments where status = 'awaiting_confirmation' and confirm_before <= ?
     order by confirm_before limit ?`,
    confirmBefore,
    limit,
  )
  return rows.map(({ orderId }) => orderId)
}

/**
 * Saves a payment that was loaded in the same transaction, or begun in it.
 *
 * @throws TransientError `payment_changed` when another copy of the service saved it in between, which only PostgreSQL allows.
 */
export async function savePayment(tx: Sql, payment: Payment): Promise<void> {
  const saved = await tx.run(
    `insert into payments (order_id, status, total_cents, charge_id, refund_id, reason, shipping_failure,
       confirm_before, reservation, version, created_at, updated_at)
     values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
     on conflict (order_id) do update set status = excluded.status, total_cents = excluded.total_cents,
       charge_id = excluded.charge_id, refund_id = excluded.refund_id, reason = excluded.reason,
       shipping_failure = excluded.shipping_failure, confirm_before = excluded.confirm_before,
       reservation = excluded.reservation, version = excluded.version, updated_at = excluded.updated_at
     where payments.version = excluded.version - 1`,
    payment.orderId,
    payment.status,
    payment.totalCents,
    payment.chargeId,
    payment.refundId,
    payment.reason,
    payment.shippingFailure,
    payment.confirmBefore,
    payment.reservation && JSON.stringify(payment.reservation),
    payment.version,
    payment.createdAt,
    payment.updatedAt,
  )
  if (saved === 0)
    throw new TransientError('payment_changed', `the payment of order ${payment.orderId} changed meanwhile`)
}

// The SQL of payment-service: one row for each order.
import type { Change, State } from '@orders/shared/messaging'
import { byKey, insert, type Reader, type Sql, sealable } from '@orders/shared/storage'
import type { PartRefund, Payment, Reservation } from './domain.ts'

export const payments: State<Payment> = { name: 'payments', load, save }

type PaymentRow = Omit<Payment, 'reservation' | 'refunds'> & { reservation: string | null; refunds: string | null }

async function load(sql: Reader, orderIds: string[]): Promise<Map<string, Payment>> {
  const rows = await sql.all<PaymentRow>(
    `select order_id as "orderId", status, total_cents as "totalCents", charge_id as "chargeId",
       refund_id as "refundId", reason, shipping_failure as "shippingFailure", confirm_before as "confirmBefore",
       reservation, refunds, version, created_at as "createdAt", updated_at as "updatedAt"
     from payments where order_id in each(?)`,
    orderIds,
  )
  return byKey(rows, ({ orderId }) => orderId, paymentOf)
}

function paymentOf(row: PaymentRow): Payment {
  // The casts are safe: `save` wrote every row.
  return {
    ...row,
    refunds: row.refunds === null ? [] : (JSON.parse(row.refunds) as PartRefund[]),
    ...reservationIn(row),
  }
}

/** A forgotten reservation stays forgotten, whatever is decided later. */
function savedReservation({ reservation, isForgotten }: Payment) {
  if (reservation === null) return null
  return isForgotten ? '' : sealable(reservation.customerId, JSON.stringify(reservation))
}

/** A forgotten customer's reservation reads as an empty text. */
function reservationIn({ reservation, totalCents }: PaymentRow): Pick<Payment, 'reservation' | 'isForgotten'> {
  if (reservation === null) return { reservation }
  if (reservation !== '') return { reservation: JSON.parse(reservation) as Reservation }
  const left = { user: 'forgotten', priority: 'standard' as const, lines: [], totalCents: totalCents ?? 0 }
  return { reservation: left, isForgotten: true }
}

async function save(tx: Sql, changes: Change<Payment>[]): Promise<void> {
  await insert(
    tx,
    `payments (order_id, status, total_cents, charge_id, refund_id, reason, shipping_failure,
       confirm_before, reservation, refunds, version, created_at, updated_at)`,
    changes.map(({ after: payment }) => [
      payment.orderId,
      payment.status,
      payment.totalCents,
      payment.chargeId,
      payment.refundId,
      payment.reason,
      payment.shippingFailure,
      payment.confirmBefore,
      savedReservation(payment),
      payment.refunds.length === 0 ? null : JSON.stringify(payment.refunds),
      payment.version,
      payment.createdAt,
      payment.updatedAt,
    ]),
    `on conflict (order_id) do update set status = excluded.status, total_cents = excluded.total_cents,
       charge_id = excluded.charge_id, refund_id = excluded.refund_id, reason = excluded.reason,
       shipping_failure = excluded.shipping_failure, confirm_before = excluded.confirm_before,
       reservation = excluded.reservation, refunds = excluded.refunds, version = excluded.version, updated_at = excluded.updated_at`,
  )
}

/** The orders whose confirmation was due by then and is missing, the earliest deadline first. */
export async function overdueSince(sql: Reader, confirmBefore: string, limit: number): Promise<string[]> {
  const rows = await sql.all<{ orderId: string }>(
    `select order_id as "orderId" from payments where status = 'awaiting_confirmation' and confirm_before <= ?
     order by confirm_before limit ?`,
    confirmBefore,
    limit,
  )
  return rows.map(({ orderId }) => orderId)
}

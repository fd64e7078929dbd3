// The SQL of payment-service: one row for each order.
import type { Change, State } from '@orders/shared/messaging'
import { byKey, insert, type Reader, type Sealable, type Sql, sealable } from '@orders/shared/storage'
import type { Abandoned, PartRefund, Payment, Reservation } from './domain.ts'

export const payments: State<Payment> = { name: 'payments', load, save }

type PaymentRow = Omit<Payment, 'reservation' | 'refunds'> & {
  reservation: string | null
  refunds: string | null
  owedTo: string | null
}

async function load(sql: Reader, orderIds: string[]): Promise<Map<string, Payment>> {
  const rows = await sql.all<PaymentRow>(
    `select order_id as "orderId", status, total_cents as "totalCents", charge_id as "chargeId",
       refund_id as "refundId", reason, shipping_failure as "shippingFailure", confirm_before as "confirmBefore",
       reservation, refunds, owed_to as "owedTo", version, created_at as "createdAt", updated_at as "updatedAt"
     from payments where order_id in each(?)`,
    orderIds,
  )
  return byKey(rows, ({ orderId }) => orderId, paymentOf)
}

function paymentOf({ owedTo, refunds, ...row }: PaymentRow): Payment {
  return { ...row, refunds: refundsIn(refunds, owedTo), ...reservationIn(row) }
}

/** A forgotten reservation stays forgotten, whatever is decided later. */
function savedReservation({ reservation, isForgotten }: Payment) {
  if (reservation === null) return null
  return isForgotten ? '' : sealable(reservation.customerId, JSON.stringify(reservation))
}

/** A forgotten customer's reservation reads as an empty text. */
function reservationIn({
  reservation,
  totalCents,
}: Pick<PaymentRow, 'reservation' | 'totalCents'>): Pick<Payment, 'reservation' | 'isForgotten'> {
  if (reservation === null) return { reservation }
  // The cast is safe: `save` wrote every row. So is the one below.
  if (reservation !== '') return { reservation: JSON.parse(reservation) as Reservation }
  const left = { user: 'forgotten', priority: 'standard' as const, lines: [], totalCents: totalCents ?? 0 }
  return { reservation: left, isForgotten: true }
}

const withWanted = (refund: PartRefund, change: (wanted: Wanted) => object): PartRefund =>
  refund.abandoned?.wanted
    ? { ...refund, abandoned: { ...refund.abandoned, wanted: change(refund.abandoned.wanted) as Wanted } }
    : refund

type Wanted = NonNullable<Abandoned['wanted']>

/** A forgotten customer reads as an empty text. */
function refundsIn(refunds: string | null, owedTo: string | null): PartRefund[] {
  if (refunds === null) return []
  const customer = owedTo === null ? {} : owedTo === '' ? { user: 'forgotten' } : JSON.parse(owedTo)
  return (JSON.parse(refunds) as PartRefund[]).map((one) => withWanted(one, (wanted) => ({ ...wanted, ...customer })))
}

/** The columns `refunds` and `owed_to`: what names the customer is apart, since it is encrypted. It is the same in each refund. */
function savedRefunds({ refunds }: Payment): [string | null, Sealable | null] {
  if (refunds.length === 0) return [null, null]
  const [wanted] = refunds.flatMap(({ abandoned }) => abandoned?.wanted ?? [])
  const rest = refunds.map((one) => withWanted(one, (all) => partsOf(all).rest))
  return [JSON.stringify(rest), wanted ? sealable(wanted.customerId, JSON.stringify(partsOf(wanted).customer)) : null]
}

function partsOf({ user, customerId, name, contact, paymentMethod, shippingAddress, ...rest }: Wanted) {
  return { customer: { user, customerId, name, contact, paymentMethod, shippingAddress }, rest }
}

async function save(tx: Sql, changes: Change<Payment>[]): Promise<void> {
  await insert(
    tx,
    `payments (order_id, status, total_cents, charge_id, refund_id, reason, shipping_failure,
       confirm_before, reservation, refunds, owed_to, version, created_at, updated_at)`,
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
      ...savedRefunds(payment),
      payment.version,
      payment.createdAt,
      payment.updatedAt,
    ]),
    `on conflict (order_id) do update set status = excluded.status, total_cents = excluded.total_cents,
       charge_id = excluded.charge_id, refund_id = excluded.refund_id, reason = excluded.reason,
       shipping_failure = excluded.shipping_failure, confirm_before = excluded.confirm_before,
       reservation = excluded.reservation, refunds = excluded.refunds,
       owed_to = excluded.owed_to, version = excluded.version, updated_at = excluded.updated_at`,
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

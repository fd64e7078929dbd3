// Sends a notification again that failed or did not arrive, when an operator requests it. It becomes a new generation
// of the delivery, with its own Message-ID and events, so that nothing takes it for a repeat.
import type { Channel } from '@orders/shared/contracts'
import { owned, type Work } from '@orders/shared/messaging'
import { RejectedError } from '@orders/shared/runtime'
import { again, deliveryOf, standingOf, type Telling } from '../deliveries/domain.ts'
import { type DeliveryStatus, isTaken, statusOf } from '../deliveries/status.ts'
import { type DeliveryRow, deliveriesOf } from '../deliveries/store.ts'
import { channelsOf } from '../domain.ts'
import { requestedAgain } from '../holding/domain.ts'
import { tellings } from '../store.ts'
import { keyedRequests } from './store.ts'

export interface Resending {
  id: string
  /** If missing, every channel that failed or did not deliver. */
  channel: Channel | undefined
  reason: string
  /** Also channels whose message a provider accepted. */
  force: boolean
  key: string | undefined
  at: string
}

/**
 * A repeat with the same key changes nothing.
 *
 * @throws RejectedError 404 `no_such_notification`; 422 `no_address` if it does not use this channel; 409
 * `not_resendable` if no channel failed or did not deliver, or if its customer is forgotten; 422
 * `idempotency_key_reused`.
 */
export function resend({ id, channel, reason, force, key, at }: Resending): Work<DeliveryRow[]> {
  const kept = key === undefined ? undefined : `${key}\u001fresend`
  const fingerprint = JSON.stringify([id, channel ?? null, reason, force])
  return {
    reads: () => [owned(tellings, id), ...(kept === undefined ? [] : [owned(keyedRequests, kept)])],
    decide(draft) {
      const telling = draft.get(tellings, id)
      if (!telling) throw new RejectedError(404, 'no_such_notification', `no notification ${id}`)
      const earlier = kept === undefined ? undefined : draft.get(keyedRequests, kept)
      if (earlier && earlier.fingerprint !== fingerprint)
        throw new RejectedError(422, 'idempotency_key_reused', 'this Idempotency-Key was used for another request')
      if (earlier) return { result: deliveriesOf(telling), messages: [] }
      const wanted = wantedOf(telling, channel, force)
      const after = wanted.reduce((before, one) => again(before, one, at), telling)
      draft.set(tellings, id, after)
      if (kept !== undefined) draft.set(keyedRequests, kept, { notificationId: id, fingerprint })
      const messages = wanted.map((one) => requestedAgain(after.notification, deliveryOf(after, one), reason, at))
      return { result: deliveriesOf(after), messages }
    },
  }
}

function wantedOf(telling: Telling, channel: Channel | undefined, force: boolean): Channel[] {
  const { notification } = telling
  if (notification.isForgotten) throw new RejectedError(409, 'not_resendable', 'its customer is forgotten')
  const all = channelsOf(notification)
  if (channel !== undefined && !all.includes(channel))
    throw new RejectedError(422, 'no_address', `it is not sent by ${channel}`)
  const isWanted = (status: DeliveryStatus) =>
    status === 'failed' || status === 'undelivered' || (force && isTaken(status))
  const wanted = all
    .filter((one) => channel === undefined || one === channel)
    .filter((one) => isWanted(standingOf(telling, one).status))
  if (wanted.length > 0) return wanted
  const rows = deliveriesOf(telling).filter((row) => channel === undefined || row.channel === channel)
  throw new RejectedError(409, 'not_resendable', `it is ${statusOf(rows)}`)
}

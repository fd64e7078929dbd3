// Takes in direct requests, once for each Idempotency-Key.
import { type Known, owned, seen, type Work } from '@orders/shared/messaging'
import { RejectedError } from '@orders/shared/runtime'
import { noSuchCustomer } from '../customers/http.ts'
import { customers } from '../customers/store.ts'
import { channelsOf, type Notification } from '../domain.ts'
import { readsOfTakingIn, takeIn } from '../holding/handlers.ts'
import type { Terms } from '../rules/settings.ts'
import { tellings } from '../store.ts'
import { type DirectRequest, directNotification, fingerprintOf, withoutStandIns } from './domain.ts'
import { keyedRequests } from './store.ts'

export interface Submission {
  id: string
  /** The `Idempotency-Key` header (IETF draft "The Idempotency-Key HTTP Header Field"). */
  key: string | undefined
  request: DirectRequest
  terms: Terms
  at: string
}

/**
 * Takes in the first request. Every repeat with its key gets the same answer.
 *
 * @throws RejectedError 422 `idempotency_key_reused` if the repeat differs; 404 `no_such_customer`; 422 `no_address`;
 * 422 `channel_not_configured`.
 */
export function submitDirect({ id, key, request, terms, at }: Submission): Work<Notification> {
  const fingerprint = fingerprintOf(request)
  const { customerId } = request.to
  const wanted = (known: Known) =>
    directNotification(
      id,
      request,
      customerId === undefined ? undefined : known.get(customers, customerId),
      terms.style,
      at,
    )
  return {
    reads(known) {
      const earlier = key === undefined ? undefined : known.get(keyedRequests, key)
      return [
        ...(key === undefined ? [] : [owned(keyedRequests, key)]),
        ...(earlier ? [seen(tellings, earlier.notificationId)] : []),
        ...(customerId === undefined ? [] : [seen(customers, customerId)]),
        ...readsOfTakingIn(wanted(known), terms, known),
      ]
    },
    decide(draft) {
      const earlier = key === undefined ? undefined : draft.get(keyedRequests, key)
      if (earlier && earlier.fingerprint !== fingerprint)
        throw new RejectedError(422, 'idempotency_key_reused', 'this Idempotency-Key was used for another notification')
      const known = earlier && draft.get(tellings, earlier.notificationId)
      if (known) return { result: known.notification, messages: [] }
      if (customerId !== undefined && !draft.get(customers, customerId)) throw noSuchCustomer()
      const { notification, refused } = withoutStandIns(wanted(draft), request, terms.reaches)
      if (refused.length > 0)
        throw new RejectedError(422, 'channel_not_configured', `no provider is configured for ${refused.join(' and ')}`)
      if (channelsOf(notification).length === 0)
        throw new RejectedError(422, 'no_address', 'no address is known for the requested channels')
      const messages = takeIn(draft, notification, at, terms)
      if (key !== undefined) draft.set(keyedRequests, key, { notificationId: id, fingerprint })
      return { result: notification, messages }
    },
  }
}

// Takes in what is asked for directly: once for each Idempotency-Key.
import type { Done } from '@orders/shared/messaging'
import { RejectedError } from '@orders/shared/runtime'
import type { Sql } from '@orders/shared/storage'
import { noSuchCustomer } from '../customers/http.ts'
import { customerOf } from '../customers/store.ts'
import { channelsOf, type Notification } from '../domain.ts'
import { takeIn } from '../holding/handlers.ts'
import type { Terms } from '../rules/settings.ts'
import { findNotification } from '../store.ts'
import { type DirectRequest, directNotification, fingerprintOf } from './domain.ts'
import { requestOfKey, saveKey } from './store.ts'

export interface Submission {
  id: string
  /** The `Idempotency-Key` header (IETF draft "The Idempotency-Key HTTP Header Field"). */
  key: string | undefined
  request: DirectRequest
  terms: Terms
  at: string
}

/**
 * The first request is taken in; every repeat with its key gets the same answer.
 *
 * @throws RejectedError 422 `idempotency_key_reused` when the repeat asks for something else, 404
 * `no_such_customer`, 422 `no_address`.
 */
export async function submitDirect(tx: Sql, { id, key, request, terms, at }: Submission): Promise<Done<Notification>> {
  const fingerprint = fingerprintOf(request)
  const earlier = key === undefined ? undefined : await requestOfKey(tx, key)
  if (earlier && earlier.fingerprint !== fingerprint)
    throw new RejectedError(422, 'idempotency_key_reused', 'this Idempotency-Key came with another notification before')
  const known = earlier && (await findNotification(tx, earlier.notificationId))
  if (known) return { result: known, messages: [] }
  const { customerId } = request.to
  const customer = customerId === undefined ? undefined : await customerOf(tx, customerId)
  if (customerId !== undefined && !customer) throw noSuchCustomer()
  const notification = directNotification(id, request, customer, terms.style, at)
  if (channelsOf(notification).length === 0)
    throw new RejectedError(422, 'no_address', 'no address is known for the channels asked for')
  const messages = await takeIn(tx, notification, at, terms)
  if (key !== undefined) await saveKey(tx, key, id, fingerprint)
  return { result: notification, messages }
}

// What becomes of an address by what providers and operators say of it.
import type { Done } from '@orders/shared/messaging'
import { RejectedError } from '@orders/shared/runtime'
import type { Sql } from '@orders/shared/storage'
import { deliveryOf, outgoingOf } from '../deliveries/store.ts'
import { type Report, reported, type Suppression } from './domain.ts'
import { removeSuppression, saveReport, saveSuppression } from './store.ts'

/** What a provider tells of a message is kept once; a number that it says is gone is told nothing more. */
export async function takeReport(tx: Sql, report: Report, isAddressGone: boolean): Promise<Done<void>> {
  const { notificationId, channel, error, at } = report
  const outgoing = await outgoingOf(tx, notificationId, channel)
  const delivery = outgoing && (await deliveryOf(tx, notificationId, channel))
  if (!delivery || !(await saveReport(tx, report))) return { result: undefined, messages: [] }
  if (isAddressGone) {
    const reason = error ?? report.status
    await saveSuppression(tx, { channel, address: outgoing.address, reason, notificationId, at })
  }
  return { result: undefined, messages: reported(delivery, report) }
}

/** Once more changes nothing. */
export async function addToSuppressions(tx: Sql, suppression: Suppression): Promise<Done<void>> {
  return { result: await saveSuppression(tx, suppression), messages: [] }
}

/** @throws RejectedError 404 `no_such_suppression`. */
export async function removeFromSuppressions(tx: Sql, address: string): Promise<Done<void>> {
  if (!(await removeSuppression(tx, address)))
    throw new RejectedError(404, 'no_such_suppression', 'this address is not on the suppression list')
  return { result: undefined, messages: [] }
}

// What becomes of an address by what providers and operators say of it.
import { type Channel, channels } from '@orders/shared/contracts'
import { about, owned, seen, type Work } from '@orders/shared/messaging'
import { RejectedError } from '@orders/shared/runtime'
import { deliveryOf } from '../deliveries/domain.ts'
import { tellings } from '../store.ts'
import { type Report, reported, type Suppression } from './domain.ts'
import { reportKey, reports, suppressionKey, suppressions } from './store.ts'

/** What a provider tells of a message is kept once; a number that it says is gone is told nothing more. */
export function takeReport(report: Report, isAddressGone: boolean): Work<void> {
  const { notificationId, channel, error, at } = report
  return {
    reads(known) {
      const address = known.get(tellings, notificationId)?.notification.addresses[channel]
      return [
        seen(tellings, notificationId),
        owned(reports, reportKey(report)),
        ...(isAddressGone && address !== undefined ? [owned(suppressions, suppressionKey(channel, address))] : []),
      ]
    },
    decide(draft) {
      const telling = draft.get(tellings, notificationId)
      const address = telling?.notification.addresses[channel]
      if (!telling || address === undefined || draft.get(reports, reportKey(report)))
        return { result: undefined, messages: [] }
      draft.set(reports, reportKey(report), report)
      const key = suppressionKey(channel, address)
      if (isAddressGone && !draft.get(suppressions, key))
        draft.set(suppressions, key, { channel, address, reason: error ?? report.status, notificationId, at })
      return { result: undefined, messages: reported(deliveryOf(telling, channel), report) }
    },
  }
}

/** Once more changes nothing: the first reason stands. */
export function addToSuppressions(suppression: Suppression): Work<void> {
  return about(suppressions, suppressionKey(suppression.channel, suppression.address), (known) => ({
    ...(known ? {} : { state: suppression }),
    messages: [],
    result: undefined,
  }))
}

/**
 * By whatever channel.
 *
 * @throws RejectedError 404 `no_such_suppression`.
 */
export function removeFromSuppressions(address: string): Work<void> {
  const keys = channels.map((channel: Channel) => suppressionKey(channel, address))
  return {
    reads: () => keys.map((key) => owned(suppressions, key)),
    decide(draft) {
      const known = keys.filter((key) => draft.get(suppressions, key))
      if (known.length === 0)
        throw new RejectedError(404, 'no_such_suppression', 'this address is not on the suppression list')
      for (const key of known) draft.set(suppressions, key, null)
      return { result: undefined, messages: [] }
    },
  }
}

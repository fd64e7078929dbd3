// What becomes of an address by what providers and operators say of it.
import { type Channel, channels } from '@orders/shared/contracts'
import { about, owned, type Work } from '@orders/shared/messaging'
import { RejectedError } from '@orders/shared/runtime'
import { canonicalAddress } from '../canonical-addresses.ts'
import { deliveryOf, standingOf, type Telling, undelivered } from '../deliveries/domain.ts'
import { isTaken } from '../deliveries/status.ts'
import { sameAddress } from '../domain.ts'
import { recipientIn } from '../rules/context.ts'
import { noPreferences, withoutMailOf } from '../rules/preferences.ts'
import { preferences } from '../rules/store.ts'
import { tellings } from '../store.ts'
import { isUndelivered, reported, type Said, type Suppression } from './domain.ts'
import { reportKey, reports, suppressionKey, suppressions } from './store.ts'

/**
 * What a provider tells of a message is kept once. What did not arrive is `undelivered` from then on; an address that is gone is
 * told nothing more, and whoever complained neither, by their own will.
 */
export function takeReport({ report, isAddressGone, isComplaint, recipient = '' }: Omit<Said, 'provider'>): Work<void> {
  const { notificationId, channel, error, at } = report
  const isSuppressing = isAddressGone || isComplaint
  const same = (address: string) => sameAddress(channel, canonicalAddress(channel, address, undefined))
  const names = (address: string) => recipient !== '' && same(recipient) === same(address)
  /** A mail may have been forwarded, so only what names this very address proves anything of it; an SMS goes to one number. */
  const isProof = (address: string) => channel !== 'email' || names(address)
  /** What is said of another address tells nothing of this one. */
  const isAboutAnother = (address: string) => recipient !== '' && !names(address)
  const recipientOfIt = ({ notification }: Telling) => recipientIn(notification, channel)
  return {
    reads(known) {
      const telling = known.get(tellings, notificationId)
      const address = telling?.notification.addresses[channel]
      return [
        owned(tellings, notificationId),
        owned(reports, reportKey(report)),
        ...(isSuppressing && address !== undefined ? [owned(suppressions, suppressionKey(channel, address))] : []),
        ...(isComplaint && telling ? [owned(preferences, recipientOfIt(telling))] : []),
      ]
    },
    decide(draft) {
      const telling = draft.get(tellings, notificationId)
      const address = telling?.notification.addresses[channel]
      if (!telling || address === undefined || draft.get(reports, reportKey(report)))
        return { result: undefined, messages: [] }
      draft.set(reports, reportKey(report), report)
      const { status, generation, call } = standingOf(telling, channel)
      // It may be told before the call that it is about has ended here.
      const isWithProvider = isTaken(status) || (status === 'waiting' && call !== null)
      // Only the last sending counts.
      if (isUndelivered(report) && isWithProvider && generation === report.generation)
        draft.set(tellings, notificationId, undelivered(telling, channel, error ?? report.status))
      const key = suppressionKey(channel, address)
      if (isSuppressing && isProof(address) && !draft.get(suppressions, key))
        draft.set(suppressions, key, { channel, address, reason: error ?? report.status, notificationId, at })
      if (isComplaint && !isAboutAnother(address)) {
        const before = draft.get(preferences, recipientOfIt(telling)) ?? noPreferences
        const after = withoutMailOf(before, telling.notification.category)
        draft.set(preferences, recipientOfIt(telling), { ...after, updatedAt: at })
      }
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

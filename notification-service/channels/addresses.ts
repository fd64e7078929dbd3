// Applies reports of providers and requests of operators to addresses: suppression and opt-out.
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
 * Stores a provider's report about a message once. A message that did not arrive becomes `undelivered`. An address that
 * is gone, or whose recipient complained, is suppressed.
 */
export function takeReport({ report, isAddressGone, isComplaint, recipient = '' }: Omit<Said, 'provider'>): Work<void> {
  const { notificationId, channel, error, at } = report
  const isSuppressing = isAddressGone || isComplaint
  const same = (address: string) => sameAddress(channel, canonicalAddress(channel, address, undefined))
  const names = (address: string) => recipient !== '' && same(recipient) === same(address)
  /**
   * A mail may have been forwarded, so only a report that names this very address proves anything about it. An SMS goes
   * to one number.
   */
  const isProof = (address: string) => channel !== 'email' || names(address)
  /** A report about another address says nothing about this one. */
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
      // The report may arrive before the outcome of the call is stored here.
      const isWithProvider = isTaken(status) || (status === 'waiting' && call !== null)
      // Only the last generation counts.
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

/** Idempotent: the first reason stays. */
export function addToSuppressions(suppression: Suppression): Work<void> {
  return about(suppressions, suppressionKey(suppression.channel, suppression.address), (known) => ({
    ...(known ? {} : { state: suppression }),
    messages: [],
    result: undefined,
  }))
}

/**
 * Removes the address from every channel's suppressions.
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

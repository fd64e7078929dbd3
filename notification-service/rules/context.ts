// Loads what the rules need to know about a notification, and counts their decisions for its address.
import type { Channel } from '@orders/shared/contracts'
import { type Draft, type Known, owned, type Ref, seen } from '@orders/shared/messaging'
import type { Reader } from '../content.ts'
import { customers, owners } from '../customers/store.ts'
import { standingOf, type Telling } from '../deliveries/domain.ts'
import { channelsOf, type Heading, type Notification } from '../domain.ts'
import { supersededBy } from '../timelines/domain.ts'
import { timelines } from '../timelines/store.ts'
import { foreignIn, roomFor, withName } from './contacts.ts'
import {
  type ChannelContext,
  isThrottled,
  mayBeGathered,
  type PlanContext,
  type Planned,
  type RuleSettings,
} from './plan.ts'
import { addressKey, customerKey, type Preferences, recipientOf, together } from './preferences.ts'
import type { Terms } from './settings.ts'
import { contacts, preferences, throttles, windowKey, windows } from './store.ts'
import { type Recent, withOne } from './throttle.ts'
import { customersOf, decidersOf, mailboxIn } from './whose.ts'

/** The key of the preferences that a channel follows. */
export const recipientIn = ({ customerId, addresses }: Heading, channel: Channel) =>
  recipientOf(customerId, channel, addresses[channel] ?? '')

/** The digest that a channel would join. It belongs to the mailbox, whichever customer uses it. */
export function gatheringOf(notification: Heading, channel: Channel) {
  const { category, addresses } = notification
  return { recipient: addressIn(notification, channel), channel, address: addresses[channel] ?? '', category }
}

const addressIn = ({ addresses }: Heading, channel: Channel) => addressKey(channel, addresses[channel] ?? '')

export function readsOfRules(
  notification: Heading,
  channels: readonly Channel[],
  settings: RuleSettings,
  known: Known,
): Ref[] {
  const { customerId } = notification
  const customer = customerId === null ? undefined : known.get(customers, customerId)
  const foreign = foreignIn(notification, customer, settings.contacts)
  const timeline = notification.orderId === null ? [] : [owned(timelines, notification.orderId)]
  const ofChannels = channels.flatMap((channel) => {
    const decided = decidedOn(known, notification, channel)
    const isGathered = mayBeGathered(notification, settings, decided)
    return [
      ...(notification.customerId === null ? [seen(owners, mailboxIn(notification, channel))] : []),
      ...decidersOf(notification, channel, ownersOf(known, notification, channel)).map((one) => seen(preferences, one)),
      ...customersOf(notification, ownersOf(known, notification, channel)).map((one) => seen(customers, one)),
      ...(isThrottled(notification, settings) ? [owned(throttles, addressIn(notification, channel))] : []),
      ...(foreign.includes(channel) ? contactKeysOf(notification, channel).map((key) => owned(contacts, key)) : []),
      ...(isGathered ? [owned(windows, windowKey(gatheringOf(notification, channel)))] : []),
    ]
  })
  return [...timeline, ...ofChannels]
}

/** The customers who own the address, if the notification names no customer. */
const ownersOf = (known: Known, heading: Heading, channel: Channel) =>
  heading.customerId === null ? known.get(owners, mailboxIn(heading, channel)) : undefined

/**
 * The combined preferences of the customers and of the address: if one of them opts out, nobody at the address gets it.
 */
function decidedOn(known: Known, heading: Heading, channel: Channel): Preferences {
  const deciders = decidersOf(heading, channel, ownersOf(known, heading, channel))
  return together(...deciders.map((one) => known.get(preferences, one)))
}

const NOTHING_SENT: Recent = { sent: [], places: [] }

/** The context of these channels. `telling` is set if they were held before. */
export function contextOf(
  draft: Draft,
  notification: Notification,
  channels: readonly Channel[],
  { now, terms, telling }: { now: string; terms: Terms; telling?: Telling | undefined },
): PlanContext {
  const { settings, course } = terms
  const { orderId, eventType } = notification
  const timeline = orderId === null ? [] : (draft.get(timelines, orderId) ?? [])
  const contextOfChannel = (channel: Channel): ChannelContext => {
    const { customerId } = notification
    const customer = customerId === null ? undefined : draft.get(customers, customerId)
    const isForeign = foreignIn(notification, customer, settings.contacts).includes(channel)
    const { heldBecause, digestId } = telling ? standingOf(telling, channel) : { heldBecause: null, digestId: null }
    return {
      preferences: preferencesAndClock(draft, notification, channel),
      recent: isThrottled(notification, settings)
        ? (draft.get(throttles, addressIn(notification, channel)) ?? NOTHING_SENT)
        : undefined,
      contactRoomMs: isForeign ? contactRoomOf(draft, notification, channel, { now, settings }) : undefined,
      // Asked as late news in any case: old news that is taken in after later news must not be sent, not even at once.
      supersededBy: supersededBy(course, timeline, eventType, { channel, isLate: true }),
      heldBecause: heldBecause ?? undefined,
      wasGathered: digestId !== null,
    }
  }
  return {
    now,
    settings,
    channels: Object.fromEntries(channels.map((channel) => [channel, contextOfChannel(channel)])),
  }
}

/** The key of the customer, and that of the address. */
function contactKeysOf(notification: Heading, channel: Channel): [string, string] {
  return [customerKey(notification.customerId ?? ''), addressIn(notification, channel)]
}

function contactRoomOf(
  draft: Draft,
  notification: Heading,
  channel: Channel,
  { now, settings }: { now: string; settings: RuleSettings },
): number {
  const [customer, address] = contactKeysOf(notification, channel)
  const { addressesPerCustomer, ordersPerAddress } = settings.contacts
  const nowMs = Date.parse(now)
  return Math.max(
    roomFor(address, draft.get(contacts, customer) ?? {}, addressesPerCustomer, nowMs),
    roomFor(notification.orderId ?? '', draft.get(contacts, address) ?? {}, ordersPerAddress, nowMs),
  )
}

function countContact(
  draft: Draft,
  notification: Heading,
  channel: Channel,
  { now, settings }: { now: string; settings: RuleSettings },
): void {
  const [customer, address] = contactKeysOf(notification, channel)
  const { addressesPerCustomer, ordersPerAddress } = settings.contacts
  const nowMs = Date.parse(now)
  draft.set(contacts, customer, withName(address, draft.get(contacts, customer) ?? {}, addressesPerCustomer, nowMs))
  draft.set(
    contacts,
    address,
    withName(notification.orderId ?? '', draft.get(contacts, address) ?? {}, ordersPerAddress, nowMs),
  )
}

/** Locale and time zone of the recipient, as far as `readsOfRules` has loaded them. */
export function readerOf(draft: Draft, heading: Heading): Reader {
  const { customerId } = heading
  const customer = customerId === null ? undefined : draft.get(customers, customerId)
  const [channel] = channelsOf(heading)
  const decided = channel && decidedOn(draft, heading, channel)
  return { locale: customer?.locale ?? undefined, timeZone: decided?.timeZone ?? customer?.timeZone ?? undefined }
}

/** With the customer's time zone if the preferences name none. */
function preferencesAndClock(draft: Draft, notification: Notification, channel: Channel): Preferences {
  const decided = decidedOn(draft, notification, channel)
  const [customer] = customersOf(notification, ownersOf(draft, notification, channel))
  const clock = customer === undefined ? undefined : draft.get(customers, customer)?.timeZone
  return { ...decided, timeZone: decided.timeZone ?? clock ?? undefined }
}

/** Counts a message that is sent now, or that has a place in the throttle's queue, against later ones. */
export function countForAddress(
  draft: Draft,
  notification: Notification,
  { channel, step }: Planned,
  { now, settings, channels }: PlanContext,
): void {
  const { recent, heldBecause, contactRoomMs } = channels[channel] ?? {}
  if (contactRoomMs !== undefined && step.kind === 'send') countContact(draft, notification, channel, { now, settings })
  const counts = step.kind === 'send' || (step.kind === 'hold' && step.reason === 'throttled')
  if (!recent || !counts) return
  const nowMs = Date.parse(now)
  const roomMs = step.kind === 'hold' ? Date.parse(step.dueAt) : nowMs
  const at = { roomMs, hasPlace: heldBecause === 'throttled' }
  draft.set(throttles, addressIn(notification, channel), withOne(recent, settings.throttle, nowMs, at))
}

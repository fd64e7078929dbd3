// What the rules want to know of a notification, and what they have decided about its address.
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

/** Whose preferences a channel of it follows. */
export const recipientIn = ({ customerId, addresses }: Heading, channel: Channel) =>
  recipientOf(customerId, channel, addresses[channel] ?? '')

/** Which digest a channel of it would join: that of its mailbox, whoever it belongs to. */
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

/** Whose the address is, where nobody said whom it is for. */
const ownersOf = (known: Known, heading: Heading, channel: Channel) =>
  heading.customerId === null ? known.get(owners, mailboxIn(heading, channel)) : undefined

/** By its customers and by the address: what one of them does not want is not said to the other. */
function decidedOn(known: Known, heading: Heading, channel: Channel): Preferences {
  const deciders = decidersOf(heading, channel, ownersOf(known, heading, channel))
  return together(...deciders.map((one) => known.get(preferences, one)))
}

const NOTHING_SENT: Recent = { sent: [], places: [] }

/** For these channels; with what `telling` knows of an earlier hold, where there was one. */
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
      // Whatever it is planned for, it is not said at once by whoever hears it after later news.
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

/** The customer's, and the address's. */
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

/** How whom it is for reads it, as far as `readsOfRules` has found it. */
export function readerOf(draft: Draft, heading: Heading): Reader {
  const { customerId } = heading
  const customer = customerId === null ? undefined : draft.get(customers, customerId)
  const [channel] = channelsOf(heading)
  const decided = channel && decidedOn(draft, heading, channel)
  return { locale: customer?.locale ?? undefined, timeZone: decided?.timeZone ?? customer?.timeZone ?? undefined }
}

/** With the customer's own clock, where the preferences name no other. */
function preferencesAndClock(draft: Draft, notification: Notification, channel: Channel): Preferences {
  const decided = decidedOn(draft, notification, channel)
  const [customer] = customersOf(notification, ownersOf(draft, notification, channel))
  const clock = customer === undefined ? undefined : draft.get(customers, customer)?.timeZone
  return { ...decided, timeZone: decided.timeZone ?? clock ?? undefined }
}

/** What is sent now, or has its place from now on, counts for what comes after it. */
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

// When each channel of a notification is said: now, later, or never. Decided when the notification is taken in, and anew
// whenever a held channel is due, by the same rules.
import { amqpPriority, type Channel } from '@orders/shared/contracts'
import type { Ended, HoldReason } from '../deliveries/status.ts'
import { channelsOf, type Heading, type Notification } from '../domain.ts'
import type { ContactSettings } from './contacts.ts'
import { DIGEST } from './digest.ts'
import { isOptedOut, noPreferences, type Preferences } from './preferences.ts'
import { parseQuietHours, type QuietHours, quietUntil } from './quiet-hours.ts'
import { type Recent, roomAt, type Throttle } from './throttle.ts'

export type Step =
  | { kind: 'send' }
  | { kind: 'hold'; dueAt: string; reason: HoldReason }
  | { kind: 'end'; status: Ended }
  | { kind: 'supersede'; by: string }
  | { kind: 'fail'; reason: string }

/** What holds where a customer has not decided otherwise. */
export interface RuleSettings {
  transactional: ReadonlySet<string>
  quietHours: QuietHours | undefined
  timeZone: string
  throttle: Throttle
  throttlesTransactional: boolean
  contacts: ContactSettings
  digestMs: number
  /** Categories that are gathered unless a customer says otherwise. */
  digested: ReadonlySet<string>
}

/** What is known of one channel of the notification. */
export interface ChannelContext {
  /** Of whom it reaches; those of nobody where nothing is known. */
  preferences?: Preferences | undefined
  /** What its address was told lately, where the throttle counts it. */
  recent?: Recent | undefined
  /** When the address that the order names may be told, where it is nobody's whom we know; in milliseconds since 1970. */
  contactRoomMs?: number | undefined
  /** The later news that has made it needless. */
  supersededBy?: string | undefined
  /** Until now. */
  heldBecause?: HoldReason | undefined
  /** It has waited for a digest, and no longer does. */
  wasGathered?: boolean
}

/**
 * What the rules know beside the notification: plain data, loaded before they decide. A further rule adds what it needs
 * here, and itself to `rules`.
 */
export interface PlanContext {
  /** RFC 3339 in UTC, as `Date.toISOString` writes it, so that instants compare as text. */
  now: string
  settings: RuleSettings
  channels: Partial<Record<Channel, ChannelContext>>
}

/** Undefined where it has no objection. */
type Rule = (notification: Notification, context: PlanContext, channel: Channel) => Step | undefined

const unlessExpired: Rule = ({ expiresAt }, { now }) =>
  expiresAt !== null && expiresAt <= now ? { kind: 'end', status: 'expired' } : undefined

const unlessSuperseded: Rule = (_, { channels }, channel) => {
  const by = channels[channel]?.supersededBy
  return by === undefined ? undefined : { kind: 'supersede', by }
}

const unlessUnreachable: Rule = ({ addresses }, _, channel) =>
  addresses[channel] === '' ? { kind: 'fail', reason: 'no_address' } : undefined

const notBefore: Rule = ({ sendAt }, { now }) =>
  sendAt !== null && sendAt > now ? { kind: 'hold', dueAt: sendAt, reason: 'send_at' } : undefined

const unlessOptedOut: Rule = (notification, { settings, channels }, channel) => {
  const { category } = notification
  const isTransactional = settings.transactional.has(category)
  const about = { category, isTransactional, channels: channelsOf(notification) }
  return isOptedOut(preferencesIn(channels, channel), about, channel) ? { kind: 'end', status: 'opted_out' } : undefined
}

/** Whether a digest is wanted of it, as far as the notification itself allows one. */
export function mayBeGathered(
  { eventType, category, priority }: Heading,
  settings: RuleSettings,
  { categories }: Preferences,
): boolean {
  const isWanted = categories[category]?.digest ?? settings.digested.has(category)
  return isWanted && !isUrgent({ priority }) && eventType !== DIGEST
}

/** What would be over before its digest is not gathered. */
const gathered: Rule = (notification, { now, settings, channels }, channel) => {
  const { expiresAt } = notification
  const isWanted = mayBeGathered(notification, settings, preferencesIn(channels, channel))
  if (!isWanted || channels[channel]?.wasGathered) return undefined
  const dueAt = instantOf(Date.parse(now) + settings.digestMs)
  return expiresAt !== null && expiresAt <= dueAt ? undefined : { kind: 'hold', dueAt, reason: 'digest' }
}

/** Programs do not sleep: a webhook has no quiet hours. */
const notWhileQuiet: Rule = ({ priority }, { now, settings, channels }, channel) => {
  const { quietHours, timeZone = settings.timeZone } = preferencesIn(channels, channel)
  const window = quietHours === undefined ? settings.quietHours : quietHours && parseQuietHours(quietHours)
  if (!window || isUrgent({ priority }) || channel === 'webhook') return undefined
  const untilMs = quietUntil(window, timeZone, Date.parse(now))
  return untilMs === undefined ? undefined : { kind: 'hold', dueAt: instantOf(untilMs), reason: 'quiet_hours' }
}

const whereThereIsRoom: Rule = (notification, { now, settings, channels }, channel) => {
  const { recent, heldBecause } = channels[channel] ?? {}
  if (!recent || !isThrottled(notification, settings)) return undefined
  const nowMs = Date.parse(now)
  const roomMs = roomAt(recent, settings.throttle, nowMs, heldBecause === 'throttled')
  return roomMs <= nowMs ? undefined : { kind: 'hold', dueAt: instantOf(roomMs), reason: 'throttled' }
}

/** Urgent or not: a relay's mails are. */
const unlessTooManyContacts: Rule = (_, { now, channels }, channel) => {
  const roomMs = channels[channel]?.contactRoomMs ?? 0
  return roomMs <= Date.parse(now) ? undefined : { kind: 'hold', dueAt: instantOf(roomMs), reason: 'throttled' }
}

/** The first that objects decides; another one has its turn when the hold is over. So what ends stands before what holds. */
const rules: readonly Rule[] = [
  unlessExpired,
  unlessSuperseded,
  unlessUnreachable,
  unlessOptedOut,
  notBefore,
  gathered,
  notWhileQuiet,
  whereThereIsRoom,
  unlessTooManyContacts,
]

/** Somebody has to act, or waits for nothing: held by no rule but its own time to send. */
export function isUrgent({ priority }: Pick<Notification, 'priority'>): boolean {
  return priority >= amqpPriority.failure
}

export function isThrottled({ priority, category }: Heading, settings: RuleSettings): boolean {
  return !isUrgent({ priority }) && (settings.throttlesTransactional || !settings.transactional.has(category))
}

function preferencesIn(channels: PlanContext['channels'], channel: Channel): Preferences {
  return channels[channel]?.preferences ?? noPreferences
}

const instantOf = (ms: number) => new Date(ms).toISOString()

export interface Planned {
  channel: Channel
  step: Step
}

export function plan(notification: Notification, channels: readonly Channel[], context: PlanContext): Planned[] {
  return channels.map((channel) => ({ channel, step: stepOf(notification, context, channel) }))
}

function stepOf(notification: Notification, context: PlanContext, channel: Channel): Step {
  for (const rule of rules) {
    const step = rule(notification, context, channel)
    if (step) return untilExpiry(step, notification)
  }
  return { kind: 'send' }
}

/** Nothing is held for longer than it may be said, so that its expiry is told when it happens. */
function untilExpiry(step: Step, { expiresAt }: Notification): Step {
  if (step.kind !== 'hold' || expiresAt === null || step.dueAt <= expiresAt) return step
  return { ...step, dueAt: expiresAt }
}

// Loads what the rules want to know of a notification, and keeps what they have decided about its address.
import type { Channel } from '@orders/shared/contracts'
import type { Sql } from '@orders/shared/storage'
import type { Notification } from '../domain.ts'
import {
  type ChannelContext,
  isThrottled,
  type PlanContext,
  type Planned,
  type RuleSettings,
} from '../holding/domain.ts'
import type { DueChannel } from '../holding/store.ts'
import { addressKey, type Preferences, recipientOf } from './preferences.ts'
import { lockedRecent, preferencesAndClockOf, saveRecent } from './store.ts'
import { withOne } from './throttle.ts'

/** A channel to be decided about, with what is known of an earlier hold. */
export type Open = Pick<DueChannel, 'channel'> & Partial<DueChannel>

export async function contextOf(
  tx: Sql,
  notification: Notification,
  open: readonly Open[],
  { now, settings }: { now: string; settings: RuleSettings },
): Promise<PlanContext> {
  const preferences = preferencesIn(tx, notification.customerId)
  const channels: Partial<Record<Channel, ChannelContext>> = {}
  for (const { channel, heldBecause, digestId } of open) {
    const address = notification.addresses[channel] ?? ''
    channels[channel] = {
      preferences: await preferences(recipientOf(notification.customerId, channel, address)),
      recent: isThrottled(notification, settings) ? await lockedRecent(tx, addressKey(channel, address)) : undefined,
      heldBecause,
      wasGathered: typeof digestId === 'string',
    }
  }
  return { now, settings, channels }
}

/** A customer has the same for all channels. */
function preferencesIn(tx: Sql, customerId: string | null): (recipient: string) => Promise<Preferences> {
  const known = new Map<string, Preferences>()
  return async (recipient) => {
    const preferences = known.get(recipient) ?? (await preferencesAndClockOf(tx, recipient, customerId))
    known.set(recipient, preferences)
    return preferences
  }
}

/** What is sent now, or has its place from now on, counts for what comes after it. */
export async function countForAddress(
  tx: Sql,
  { addresses }: Notification,
  { channel, step }: Planned,
  { now, settings, channels }: PlanContext,
): Promise<void> {
  const { recent, heldBecause } = channels[channel] ?? {}
  const counts = step.kind === 'send' || (step.kind === 'hold' && step.reason === 'throttled')
  if (!recent || !counts) return
  const nowMs = Date.parse(now)
  const roomMs = step.kind === 'hold' ? Date.parse(step.dueAt) : nowMs
  const at = { roomMs, hasPlace: heldBecause === 'throttled' }
  await saveRecent(tx, addressKey(channel, addresses[channel] ?? ''), withOne(recent, settings.throttle, nowMs, at))
}

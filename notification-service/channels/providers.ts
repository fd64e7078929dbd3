// Tells from the configuration which channels have a real provider.
import { join } from 'node:path'
import type { Channel } from '@orders/shared/contracts'
import type { NotificationConfig } from '../config.ts'
import type { Reaches } from '../domain.ts'
import { subscriptionOf } from '../web-addresses.ts'
import { isAdded } from './added.ts'
import { hasMailProvider } from './mail-providers.ts'

/** The channels that have, in whole or in part, only a stand-in, for example `email: files in .data/mail`. */
export function standInsOf(config: NotificationConfig): string[] {
  const { twilioAccountSid, fcmServiceAccount, vapidPrivateKey, webhookSecret, dataDir } = config
  const mail = hasMailProvider(config) ? true : undefined
  const added = (channel: 'sms' | 'push') => isAdded(config, channel) || undefined
  const missing: [string, unknown, string][] = [
    ['email', mail, `files in ${join(dataDir, 'mail')}`],
    ['sms', twilioAccountSid ?? added('sms'), 'log lines'],
    ['push to apps', fcmServiceAccount ?? added('push'), 'log lines'],
    ['push to browsers', vapidPrivateKey, 'log lines'],
    ['webhook', webhookSecret, 'log lines'],
  ]
  return missing.flatMap(([name, provider, standIn]) => (provider === undefined ? [`${name}: ${standIn}`] : []))
}

export function reachedBy(config: NotificationConfig): Reaches {
  const reaches: Record<Channel, (address: string) => boolean> = {
    email: () => hasMailProvider(config),
    sms: () => config.twilioAccountSid !== undefined || isAdded(config, 'sms'),
    push: (address) =>
      subscriptionOf(address)
        ? config.vapidPrivateKey !== undefined
        : config.fcmServiceAccount !== undefined || isAdded(config, 'push'),
    webhook: () => config.webhookSecret !== undefined,
  }
  return (channel, address) => reaches[channel](address)
}

// Which channels have a provider that reaches somebody, by the configuration alone.
import { join } from 'node:path'
import type { Channel } from '@orders/shared/contracts'
import type { NotificationConfig } from '../config.ts'
import type { Reaches } from './domain.ts'
import { hasMailProvider } from './mail-providers.ts'
import { subscriptionOf } from './web-push.ts'

/** `email: files in .data/mail`; the channels of which some or all reach nobody. */
export function standInsOf(config: NotificationConfig): string[] {
  const { twilioAccountSid, fcmServiceAccount, vapidPrivateKey, webhookSecret, dataDir } = config
  const mail = hasMailProvider(config) ? true : undefined
  const missing: [string, unknown, string][] = [
    ['email', mail, `files in ${join(dataDir, 'mail')}`],
    ['sms', twilioAccountSid, 'log lines'],
    ['push to apps', fcmServiceAccount, 'log lines'],
    ['push to browsers', vapidPrivateKey, 'log lines'],
    ['webhook', webhookSecret, 'log lines'],
  ]
  return missing.flatMap(([name, provider, standIn]) => (provider === undefined ? [`${name}: ${standIn}`] : []))
}

export function reachedBy(config: NotificationConfig): Reaches {
  const reaches: Record<Channel, (address: string) => boolean> = {
    email: () => hasMailProvider(config),
    sms: () => config.twilioAccountSid !== undefined,
    push: (address) => (subscriptionOf(address) ? config.vapidPrivateKey : config.fcmServiceAccount) !== undefined,
    webhook: () => config.webhookSecret !== undefined,
  }
  return (channel, address) => reaches[channel](address)
}

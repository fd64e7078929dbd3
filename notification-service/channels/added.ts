// Finds and opens the added providers that are configured.
import type { NotificationConfig } from '../config.ts'
import { openers } from './added-senders.ts'
import { type AddedProvider, addedProviders } from './added-settings.ts'
import type { Sender } from './sender.ts'

type ServedChannel = AddedProvider['channel']

export function isAdded(config: NotificationConfig, channel: ServedChannel): boolean {
  return served(channel).some((provider) => isConfigured(config, provider))
}

/** The preferred one first. The caller closes them. */
export function openAdded(config: NotificationConfig, channel: ServedChannel, now: () => Date): Sender[] {
  return served(channel).flatMap((provider) => openOne(provider, config, now) ?? [])
}

/** The opener of each provider, by name. It returns undefined if the provider's settings are missing. */
export function addedOpeners(channel: ServedChannel) {
  const openerOf = (provider: AddedProvider) => (config: NotificationConfig, now: () => Date) =>
    openOne(provider, config, now)
  return Object.fromEntries(served(channel).map((provider) => [provider.name, openerOf(provider)]))
}

const served = (channel: ServedChannel) => addedProviders.filter((provider) => provider.channel === channel)

const isConfigured = (config: NotificationConfig, { needs }: AddedProvider) => Reflect.get(config, needs) !== undefined

function openOne(provider: AddedProvider, config: NotificationConfig, now: () => Date): Sender | undefined {
  // The cast is safe: the configuration's schema contains each provider's settings.
  return isConfigured(config, provider) ? openers[provider.name]?.(config as never, now) : undefined
}

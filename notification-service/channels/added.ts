// Which of the providers that were added are configured, and how they are opened.
import type { NotificationConfig } from '../config.ts'
import { openers } from './added-senders.ts'
import { type AddedProvider, addedProviders } from './added-settings.ts'
import type { Sender } from './sender.ts'

type ServedChannel = AddedProvider['channel']

export function isAdded(config: NotificationConfig, channel: ServedChannel): boolean {
  return served(channel).some((provider) => isConfigured(config, provider))
}

/** The preferred one first; the caller closes them. */
export function openAdded(config: NotificationConfig, channel: ServedChannel, now: () => Date): Sender[] {
  return served(channel).flatMap((provider) => openOne(provider, config, now) ?? [])
}

/** By name, the opener of each: it gives nothing where its settings are missing. */
export function addedOpeners(channel: ServedChannel) {
  const openerOf = (provider: AddedProvider) => (config: NotificationConfig, now: () => Date) =>
    openOne(provider, config, now)
  return Object.fromEntries(served(channel).map((provider) => [provider.name, openerOf(provider)]))
}

const served = (channel: ServedChannel) => addedProviders.filter((provider) => provider.channel === channel)

const isConfigured = (config: NotificationConfig, { needs }: AddedProvider) => Reflect.get(config, needs) !== undefined

function openOne(provider: AddedProvider, config: NotificationConfig, now: () => Date): Sender | undefined {
  // The cast is the decoding edge: the schema that the configuration was read by holds each provider's own settings.
  return isConfigured(config, provider) ? openers[provider.name]?.(config as never, now) : undefined
}

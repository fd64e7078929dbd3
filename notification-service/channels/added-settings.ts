// Providers that were added to those of the service, each once. Those of one channel take over for one another in this
// order. `npm run new -- channel sms-acme` adds a provider; `npm run generate` writes the map of their openers
// (added-senders.ts).
import type { TProperties } from 'typebox'

export interface AddedProvider {
  /** Its name in breakers, deliveries, the console and logs. Its files are `<name>.ts` and `<name>-settings.ts`. */
  name: string
  channel: 'email' | 'sms' | 'push'
  /** Its settings in the environment. */
  settings: TProperties
  /** The setting without which the provider is not configured. */
  needs: string
}

export const addedProviders: readonly AddedProvider[] = []

/** The settings of all added providers. The type hides them from code that does not belong to a provider. */
export const addedSettings: Record<never, never> = Object.assign({}, ...addedProviders.map(({ settings }) => settings))

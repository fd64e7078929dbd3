// Providers that were added to those that came with the service, each once; those of one channel take over for one another in this
// order. `npm run new -- channel sms-acme` adds one, and `npm run generate` writes who opens it (added-senders.ts).
import type { TProperties } from 'typebox'

export interface AddedProvider {
  /** As breakers, deliveries, the console and logs call it; its files are `<name>.ts` and `<name>-settings.ts`. */
  name: string
  channel: 'email' | 'sms' | 'push'
  /** What it reads from the environment. */
  settings: TProperties
  /** The setting without which it is not there. */
  needs: string
}

export const addedProviders: readonly AddedProvider[] = []

/** Of all of them. To whoever has no business with a provider they are not there. */
export const addedSettings: Record<never, never> = Object.assign({}, ...addedProviders.map(({ settings }) => settings))

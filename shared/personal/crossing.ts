// Encrypts personal data that crosses the broker outside the fields that contracts mark. It is encrypted as one text, under a
// key that all services have or under the person's key, so that no broker can read it.
import type { Reader } from '../storage/index.ts'
import { keyIdOf, seal, unseal } from './cipher.ts'
import { MissingKeyError } from './messages.ts'
import type { Vault } from './vault.ts'

/** The owner of the shared key; not a person. The first service that needs the key creates it. */
export const CROSSING = 'crossing'

export interface Crossing {
  /** Returns the text as it is if encryption is off or the key does not exist. */
  seal(text: string, ownerId?: string): Promise<string>
  /**
   * Resolves with an empty text if the owner is forgotten.
   *
   * @throws MissingKeyError while the key has not arrived, and for a text that was encrypted for another purpose
   */
  open(text: string): Promise<string>
}

export function crossingBy(vault: Vault, database: Reader): Crossing {
  return {
    async seal(text, ownerId = CROSSING) {
      if (!vault.isSealing) return text
      await vault.fetchFor(database, [ownerId])
      const key = vault.sealingFor(ownerId)
      return typeof key === 'object' ? seal(key.keyId, key.secrets, CROSSING, text) : text
    },
    async open(text) {
      const keyId = keyIdOf(text)
      if (keyId === undefined) return text
      await vault.fetch(database, [keyId])
      const secrets = vault.secrets(keyId)
      if (secrets === 'forgotten') return ''
      const opened = secrets && unseal(secrets, CROSSING, text)
      if (opened === undefined) throw new MissingKeyError(keyId)
      return opened
    },
  }
}

// What tells about people on its way between services, beside what contracts mark: sealed as one text, by a key that all services have
// or by that of whom it tells about, so that no broker can read it.
import type { Reader } from '../storage/index.ts'
import { keyIdOf, seal, unseal } from './cipher.ts'
import { MissingKeyError } from './messages.ts'
import type { Vault } from './vault.ts'

/** Whose key it is that all have: nobody's. Whoever asks first sees to it that there is one. */
export const CROSSING = 'crossing'

export interface Crossing {
  /** As it is where nothing is sealed, or where nobody has made the key. */
  seal(text: string, ownerId?: string): Promise<string>
  /**
   * Empty where whoever it was sealed for is forgotten.
   *
   * @throws MissingKeyError while the key has not come yet, and for what was sealed for another purpose
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

// Encrypts and decrypts personal data in tables, with a cache. A row is read many times while it is worked on, and the rows of
// one person repeat the same name and addresses. So recent results are reused while their key is in memory.
import { hash, type Secrets, seal, unsealBytes } from './cipher.ts'
import { createPacking, type Packing } from './packed.ts'

/**
 * The same place for all tables, since a migration may move a row to another table. So a text is bound only to its owner's key.
 */
const PLACE = 'row'

/**
 * Characters of one generation, encrypted and plain: what some ten thousand orders under way have, since a row that is not found
 * here costs decryption each time it is read. Two generations are kept.
 */
const GENERATION_CHARS = 16_777_216
/** Longer texts are rarely repeated. */
const SAID_AGAIN_MAX = 200

interface Key {
  keyId: string
  secrets: Secrets
}

export type RowCipher = ReturnType<typeof createRowCipher>

export function createRowCipher({ pack, unpack }: Packing = createPacking()) {
  let recent = new Map<string, { secrets: Secrets; result: string }>()
  let before = recent
  let chars = 0

  function remember(name: string, secrets: Secrets, result: string): string {
    if (chars >= GENERATION_CHARS) {
      before = recent
      recent = new Map()
      chars = 0
    }
    recent.set(name, { secrets, result })
    chars += name.length + result.length
    return result
  }

  function remembered(name: string, secrets: Secrets): string | undefined {
    const found = recent.get(name)
    if (found) return found.secrets === secrets ? found.result : undefined
    const earlier = before.get(name)
    // What is used again lives on.
    return earlier?.secrets === secrets ? remember(name, secrets, earlier.result) : undefined
  }

  return {
    seal({ keyId, secrets }: Key, text: string): string {
      const name = `seal ${keyId} ${text}`
      const isShort = text.length <= SAID_AGAIN_MAX
      const known = isShort ? remembered(name, secrets) : undefined
      if (known !== undefined) return known
      const sealed = seal(keyId, secrets, PLACE, pack(text))
      remember(sealed, secrets, text)
      return isShort ? remember(name, secrets, sealed) : sealed
    },
    hash({ keyId, secrets }: Key, text: string): string {
      const name = `hash ${keyId} ${text}`
      return remembered(name, secrets) ?? remember(name, secrets, hash(secrets, text))
    },
    /** Undefined if it was not encrypted in a row under this key. */
    open(secrets: Secrets, sealed: string): string | undefined {
      const known = remembered(sealed, secrets)
      if (known !== undefined) return known
      const bytes = unsealBytes(secrets, PLACE, sealed)
      return bytes && remember(sealed, secrets, unpack(bytes))
    },
  }
}

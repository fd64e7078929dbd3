// What tables say of people, sealed and opened. A row is read again and again while something is done about it, and the rows of one
// person say the same name and addresses: what was done last need not be done again, for as long as its key is at hand.
import { hash, type Secrets, seal, unsealBytes } from './cipher.ts'
import { createPacking, type Packing } from './packed.ts'

/** A row may be moved to another table by a migration, so what is sealed in one is bound to its owner's key only. */
const PLACE = 'row'

/** As many texts as the orders under way have. */
const REMEMBERED_MAX = 4_096
/** What is longer is hardly said twice. */
const SAID_AGAIN_MAX = 200

interface Key {
  keyId: string
  secrets: Secrets
}

export type RowCipher = ReturnType<typeof createRowCipher>

export function createRowCipher({ pack, unpack }: Packing = createPacking()) {
  const known = new Map<string, { secrets: Secrets; result: string }>()

  function remember(name: string, secrets: Secrets, result: string): string {
    known.delete(name)
    known.set(name, { secrets, result })
    const [oldest] = known.keys()
    if (known.size > REMEMBERED_MAX && oldest !== undefined) known.delete(oldest)
    return result
  }

  function remembered(name: string, secrets: Secrets): string | undefined {
    const found = known.get(name)
    return found?.secrets === secrets ? found.result : undefined
  }

  return {
    seal({ keyId, secrets }: Key, text: string): string {
      const name = `seal ${keyId} ${text}`
      const isShort = text.length <= SAID_AGAIN_MAX
      const before = isShort ? remembered(name, secrets) : undefined
      if (before !== undefined) return before
      const sealed = seal(keyId, secrets, PLACE, pack(text))
      remember(sealed, secrets, text)
      return isShort ? remember(name, secrets, sealed) : sealed
    },
    hash({ keyId, secrets }: Key, text: string): string {
      const name = `hash ${keyId} ${text}`
      return remembered(name, secrets) ?? remember(name, secrets, hash(secrets, text))
    },
    /** Undefined for what was not sealed in a row under this key. */
    open(secrets: Secrets, sealed: string): string | undefined {
      const before = remembered(sealed, secrets)
      if (before !== undefined) return before
      const bytes = unsealBytes(secrets, PLACE, sealed)
      return bytes && remember(sealed, secrets, unpack(bytes))
    },
  }
}

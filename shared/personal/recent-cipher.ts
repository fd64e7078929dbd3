// Encrypts and decrypts personal texts, with a cache. A row is read many times while it is worked on, the messages about one
// order repeat the name and the addresses of its customer, and so do the rows of one person. So recent results are reused while
// their key is in memory.
import { hash, type Secrets, seal, unsealBytes } from './cipher.ts'
import type { Packing } from './packed.ts'

interface Options {
  /** How a text becomes the bytes that are encrypted. If missing, as UTF-8. */
  packing?: Packing
  /** Characters of one generation of the cache, encrypted and plain. Two generations are kept. */
  generationChars: number
  /** Longer texts are rarely repeated. */
  saidAgainMax: number
}

interface Key {
  keyId: string
  secrets: Secrets
}

export type RecentCipher = ReturnType<typeof createRecentCipher>

const PLAIN: Packing = { pack: (text) => Buffer.from(text), unpack: (bytes) => bytes.toString() }

export function createRecentCipher({ packing: { pack, unpack } = PLAIN, generationChars, saidAgainMax }: Options) {
  let recent = new Map<string, { secrets: Secrets; result: string }>()
  let before = recent
  let chars = 0

  function remember(name: string, secrets: Secrets, result: string): string {
    if (chars >= generationChars) {
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

  const sealName = (keyId: string, place: string, text: string) => `seal ${keyId} ${place.length} ${place}${text}`
  const openName = (place: string, sealed: string) => `open ${place.length} ${place}${sealed}`

  /** Both ways: the same text in the same place under the same key gives the same bytes. */
  function rememberBoth({ keyId, secrets }: Key, place: string, text: string, sealed: string): void {
    remember(openName(place, sealed), secrets, text)
    if (text.length <= saidAgainMax) remember(sealName(keyId, place, text), secrets, sealed)
  }

  return {
    seal(key: Key, place: string, text: string): string {
      const { keyId, secrets } = key
      const known = text.length <= saidAgainMax ? remembered(sealName(keyId, place, text), secrets) : undefined
      if (known !== undefined) return known
      const sealed = seal(keyId, secrets, place, pack(text))
      rememberBoth(key, place, text, sealed)
      return sealed
    },
    hash({ keyId, secrets }: Key, text: string): string {
      const name = `hash ${keyId} ${text}`
      return remembered(name, secrets) ?? remember(name, secrets, hash(secrets, text))
    },
    /** Undefined if it was not encrypted in this place under this key. */
    open(key: Key, place: string, sealed: string): string | undefined {
      const known = remembered(openName(place, sealed), key.secrets)
      if (known !== undefined) return known
      const bytes = unsealBytes(key.secrets, place, sealed)
      if (bytes === undefined) return undefined
      const text = unpack(bytes)
      rememberBoth(key, place, text, sealed)
      return text
    },
  }
}

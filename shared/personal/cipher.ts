// Encrypts (`seal`) and decrypts (`unseal`) texts about a person: AES-256-GCM (NIST SP 800-38D) under the person's own key,
// which the master key wraps (AES-256-KW, RFC 3394).
//
// Promise: the same text in the same place under the same key gives the same bytes, and no nonce is used for two texts. The
// nonce is an HMAC-SHA256 of the text itself, as in RFC 8452. An encrypted text can be decrypted only in its own place.
import { createCipheriv, createDecipheriv, createHmac, createSecretKey, type KeyObject } from 'node:crypto'

/**
 * Derived once from a key: one part encrypts, one makes nonces and hashes. Node ciphers faster with a key object, and hashes
 * twice as fast with bytes.
 */
export interface Secrets {
  encrypting: KeyObject
  noncing: Buffer
}

const NONCE_BYTES = 12
const TAG_BYTES = 16
const SEALED = /^enc:1:([A-Za-z0-9_-]{16}):([A-Za-z0-9_-]{38,})$/
const BEGINNING = /^enc:1:([A-Za-z0-9_-]{16}):/
const MARK = 'enc:1:'
const KEY_ID = /^[A-Za-z0-9_-]{16}:$/
const KEY_ID_CHARS = 16
const WRAP = 'id-aes256-wrap'
/** RFC 3394, section 2.2.3.1. */
const WRAP_START = Buffer.alloc(8, 0xa6)

const keyed = (key: Buffer, ...parts: (string | Buffer)[]) => {
  const hmac = createHmac('sha256', key)
  for (const part of parts) hmac.update(part)
  return hmac.digest()
}

export function secretsOf(key: Buffer): Secrets {
  return { encrypting: createSecretKey(keyed(key, 'encrypt')), noncing: keyed(key, 'nonce') }
}

/**
 * `enc:1:<key id>:<base64url of nonce, ciphertext and tag>`. `place` is where the text belongs, such as a message's id and
 * field.
 */
export function seal(keyId: string, { encrypting, noncing }: Secrets, place: string, text: string | Buffer): string {
  const bytes = Buffer.from(text)
  // With its length, no place and text together can be taken for another place and text.
  const nonce = keyed(noncing, `${place.length} ${place}`, bytes).subarray(0, NONCE_BYTES)
  const cipher = createCipheriv('aes-256-gcm', encrypting, nonce)
  cipher.setAAD(Buffer.from(place))
  const sealed = Buffer.concat([nonce, cipher.update(bytes), cipher.final(), cipher.getAuthTag()])
  return `enc:1:${keyId}:${sealed.toString('base64url')}`
}

/** Undefined if the text was not encrypted under this key for this place. */
export const unseal = (secrets: Secrets, place: string, text: string): string | undefined =>
  unsealBytes(secrets, place, text)?.toString()

export function unsealBytes({ encrypting }: Secrets, place: string, text: string): Buffer | undefined {
  const sealed = Buffer.from(SEALED.exec(text)?.[2] ?? '', 'base64url')
  if (sealed.length < NONCE_BYTES + TAG_BYTES) return undefined
  const cipher = createDecipheriv('aes-256-gcm', encrypting, sealed.subarray(0, NONCE_BYTES), {
    authTagLength: TAG_BYTES,
  })
  cipher.setAAD(Buffer.from(place))
  cipher.setAuthTag(sealed.subarray(-TAG_BYTES))
  try {
    return Buffer.concat([cipher.update(sealed.subarray(NONCE_BYTES, -TAG_BYTES)), cipher.final()])
  } catch {
    // The tag differs. The callers know how to report that.
    return undefined
  }
}

/** A hash to find a text by. Without the key, nobody can test guesses. */
export const hash = ({ noncing }: Secrets, text: string): string =>
  keyed(noncing, `index\0${text}`).subarray(0, 16).toString('base64url')

/** The id of the key that encrypts a text; undefined for a plain text. */
export const keyIdOf = (text: string): string | undefined => SEALED.exec(text)?.[1]

/** Looks only at the beginning, so a plain text may match by chance. Its key is then unknown, which the caller notices. */
export const keyIdAtStartOf = (text: string): string | undefined =>
  text.startsWith('enc:1:') ? BEGINNING.exec(text)?.[1] : undefined

/** Key ids in a longer text, such as a message. Looks at what follows each mark only, since each message is searched. */
export function keyIdsIn(text: string): string[] {
  const found: string[] = []
  for (let at = text.indexOf(MARK); at >= 0; at = text.indexOf(MARK, at + MARK.length)) {
    const begin = at + MARK.length
    const keyId = text.slice(begin, begin + KEY_ID_CHARS + 1)
    if (KEY_ID.test(keyId) && !found.includes(keyId.slice(0, -1))) found.push(keyId.slice(0, -1))
  }
  return found
}

export function wrap(master: Buffer, key: Buffer): string {
  const cipher = createCipheriv(WRAP, master, WRAP_START)
  return Buffer.concat([cipher.update(key), cipher.final()]).toString('base64url')
}

/** Undefined if another master key wrapped it. */
export function unwrap(master: Buffer, wrapped: string): Buffer | undefined {
  try {
    const cipher = createDecipheriv(WRAP, master, WRAP_START)
    return Buffer.concat([cipher.update(Buffer.from(wrapped, 'base64url')), cipher.final()])
  } catch {
    // RFC 3394 checks the key's integrity while unwrapping.
    return undefined
  }
}

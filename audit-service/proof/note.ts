// Signed notes in the C2SP signed-note format: a text with Ed25519 signatures by named keys.
import { createPublicKey, hash as digest, type KeyObject, sign, verify } from 'node:crypto'

/** A named public key, and how to recognise its signatures. */
export interface Verifier {
  name: string
  /** The first four bytes of a hash of name and key. */
  id: Buffer
  publicKey: KeyObject
}

export interface Signer extends Verifier {
  privateKey: KeyObject
}

/** The type that C2SP signed-note assigns to these signatures. */
const ED25519 = Buffer.from([1])
/** The bytes before the raw key in its SPKI form (RFC 8410, section 4). */
const SPKI = Buffer.from('302a300506032b6570032100', 'hex')
const SIGNATURE_LINE = /^— (\S+) ([A-Za-z0-9+/=]+)$/

export function signerOf(name: string, privateKey: KeyObject): Signer {
  const publicKey = createPublicKey(privateKey)
  return { name, id: idOf(name, rawOf(publicKey)), publicKey, privateKey }
}

const rawOf = (key: KeyObject) => key.export({ type: 'spki', format: 'der' }).subarray(SPKI.length)

function idOf(name: string, raw: Buffer): Buffer {
  const named = Buffer.concat([Buffer.from(`${name}\n`), ED25519, raw])
  return digest('sha256', named, 'buffer').subarray(0, 4)
}

/** A verifier key in one line, as Go's sumdb/note writes it: name, id and key. */
export function textOfVerifier({ name, id, publicKey }: Verifier): string {
  return `${name}+${id.toString('hex')}+${Buffer.concat([ED25519, rawOf(publicKey)]).toString('base64')}`
}

/** @throws Error if it is not a verifier key, or its id does not belong to its key */
export function verifierIn(text: string): Verifier {
  const [, name = '', id = '', key = ''] = /^([^\s+]+)\+([0-9a-f]{8})\+([A-Za-z0-9+/=]+)$/.exec(text.trim()) ?? []
  const bytes = Buffer.from(key, 'base64')
  const raw = bytes.subarray(1)
  if (bytes[0] !== ED25519[0] || raw.length !== 32 || idOf(name, raw).toString('hex') !== id)
    throw new Error(`this is no key of a log: ${text}`)
  const publicKey = createPublicKey({ key: Buffer.concat([SPKI, raw]), format: 'der', type: 'spki' })
  return { name, id: Buffer.from(id, 'hex'), publicKey }
}

/** `text` must end with a line break. */
export function signNote(text: string, { name, id, privateKey }: Signer): string {
  const signature = Buffer.concat([id, sign(null, Buffer.from(text), privateKey)])
  return `${text}\n— ${name} ${signature.toString('base64')}\n`
}

/** The text, if this key has signed it. Signatures of other keys are ignored. */
export function openNote(note: string, { name, id, publicKey }: Verifier): string | undefined {
  const end = note.lastIndexOf('\n\n')
  if (end < 0) return undefined
  const text = note.slice(0, end + 1)
  const signatures = note
    .slice(end + 2)
    .split('\n')
    .flatMap((line) => {
      const [, by, bytes = ''] = SIGNATURE_LINE.exec(line) ?? []
      const signature = Buffer.from(bytes, 'base64')
      return by === name && signature.subarray(0, 4).equals(id) ? [signature.subarray(4)] : []
    })
  const isSigned =
    signatures.length > 0 && signatures.every((signature) => verify(null, Buffer.from(text), publicKey, signature))
  return isSigned ? text : undefined
}

// What the tree holds of an entry: a few short lines, which anybody may read, since they say nothing of what was said.
import { hash as digest } from 'node:crypto'

export interface Kept {
  receivedAt: string
  causationId: string | null
  traceId: string | null
  /** As it came. */
  body: string
}

/**
 * When it was received, the SHA-256 of its cause's id, or `-` where it has none, and that of its body, both in hexadecimal; then its
 * trace, where it has one. Never longer than an entry bundle can hold, however long the body is.
 */
export function leafDataOf({ receivedAt, causationId, traceId, body }: Kept): string {
  const cause = causationId === null ? '-' : digest('sha256', causationId)
  return `${receivedAt}\n${cause}\n${digest('sha256', body)}\n${traceId === null ? '' : `${traceId}\n`}`
}

/** RFC 6962, section 2.1: a byte 0x00 before the data keeps a leaf from being taken for a node. */
export const leafHash = (data: string | Buffer): Buffer =>
  digest('sha256', Buffer.concat([LEAF, Buffer.from(data)]), 'buffer')
const LEAF = Buffer.from([0])

export const leafHashOf = (kept: Kept): Buffer => leafHash(leafDataOf(kept))

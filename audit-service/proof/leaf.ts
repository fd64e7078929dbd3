// The leaf of an entry: a few short lines that anybody may read, since they do not reveal the body.
import { hash as digest } from 'node:crypto'

export interface Kept {
  receivedAt: string
  causationId: string | null
  traceId: string | null
  /** As it arrived. */
  body: string
}

/**
 * The lines: time of receipt; SHA-256 of the cause's id, or `-` without a cause; SHA-256 of the body; the trace, if there is
 * one. Hashes are in hexadecimal. However long the body, the leaf fits into an entry bundle.
 */
export function leafDataOf({ receivedAt, causationId, traceId, body }: Kept): string {
  const cause = causationId === null ? '-' : digest('sha256', causationId)
  return `${receivedAt}\n${cause}\n${digest('sha256', body)}\n${traceId === null ? '' : `${traceId}\n`}`
}

/** RFC 6962, section 2.1: the byte 0x00 before the data distinguishes a leaf from a node. */
export const leafHash = (data: string | Buffer): Buffer =>
  digest('sha256', Buffer.concat([LEAF, Buffer.from(data)]), 'buffer')
const LEAF = Buffer.from([0])

export const leafHashOf = (kept: Kept): Buffer => leafHash(leafDataOf(kept))

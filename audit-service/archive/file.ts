// The format of an archive: consecutive entries of the log in a file that verifies by itself. The first line is JSON that
// proves that the entries are part of a signed log. The compressed bodies follow.
//
// The header has the right edge of the tree before the first entry. The leaves of the entries extend it to the tree up to the
// last entry. A consistency proof leads from there to the tree of the checkpoint. So a reader needs only the log's key.
import { hash as digest } from 'node:crypto'
import { deflateRawSync, inflateRawSync } from 'node:zlib'
import { openCheckpoint } from '../proof/checkpoint.ts'
import { isConsistent } from '../proof/checks.ts'
import { type Kept, leafHashOf } from '../proof/leaf.ts'
import type { Verifier } from '../proof/note.ts'
import { type Edge, grown, rootOf, TILE_WIDTH } from '../proof/tree.ts'

export interface Archive {
  /** The sequence of the first entry. */
  first: number
  entries: readonly Kept[]
}

/** The trace is missing if the event had none, or if an earlier version stored it. */
type Line = [receivedAt: string, causationId: string | null, body: string, traceId?: string | null]

/** What proves that the entries are part of the log. */
export interface Evidence {
  /** The right edge of the tree of all earlier entries. */
  edge: Edge
  /** The proof from the tree up to the last entry to the tree of the checkpoint. */
  consistency: readonly Buffer[]
  /** A signed note. */
  checkpoint: string
}

interface Header {
  format: typeof FORMAT
  first: number
  count: number
  /** By level, in base64. */
  edge: string[][]
  consistency: string[]
  checkpoint: string
  /** The hash of everything after this line, in hexadecimal. */
  sha256: string
}

const FORMAT = 'audit-archive/1'
/** Far more than a file holds: a file that unpacks to more was not written by this service. */
const UNPACKED_MAX_BYTES = 1_073_741_824

export function encodeArchive({ first, entries }: Archive, { edge, consistency, checkpoint }: Evidence): Buffer {
  const lines = entries.map(({ receivedAt, causationId, body, traceId }) =>
    JSON.stringify([receivedAt, causationId, body, ...(traceId === null ? [] : [traceId])]),
  )
  const packed = deflateRawSync(lines.join('\n'))
  const header: Header = {
    format: FORMAT,
    first,
    count: entries.length,
    edge: edge.partial.map((hashes) => hashes.map(inBase64)),
    consistency: consistency.map(inBase64),
    checkpoint,
    sha256: digest('sha256', packed),
  }
  return Buffer.concat([Buffer.from(`${JSON.stringify(header)}\n`), packed])
}

/** What is wrong with a file. */
export class ArchiveError extends Error {
  override name = 'ArchiveError'
}

/**
 * The entries of the file, after the proof that this log has signed them.
 *
 * @throws ArchiveError if any byte was changed
 */
export function openArchive(bytes: Buffer, verifier: Verifier): Archive {
  const { header, packed } = partsOf(bytes)
  const { first, count, checkpoint } = header
  const edge: Edge = { size: first - 1, partial: header.edge.map((hashes) => hashes.map(fromBase64)) }
  demand(isEdge(edge), 'the tree of its earlier entries is invalid')
  const signed = openCheckpoint(checkpoint, verifier)
  if (!signed) throw new ArchiveError(`its checkpoint is not signed by ${verifier.name}`)
  // The last base64 character can have unused bits, which no signature covers. So the text is compared too.
  const signature = checkpoint.trimEnd().slice(checkpoint.trimEnd().lastIndexOf(' ') + 1)
  demand(inBase64(Buffer.from(signature, 'base64')) === signature, 'its signature was changed')
  const entries = entriesIn(packed)
  demand(entries.length === count, `it has ${entries.length} entries instead of ${count}`)
  const { edge: after } = grown(edge, entries.map(leafHashOf))
  const tree = { size: after.size, root: rootOf(after) }
  demand(isConsistent(tree, signed, header.consistency.map(fromBase64)), 'its entries differ from the signed ones')
  return { first, entries }
}

function partsOf(bytes: Buffer): { header: Header; packed: Buffer } {
  const end = bytes.indexOf(0x0a)
  const line = bytes.subarray(0, Math.max(end, 0)).toString()
  const packed = bytes.subarray(end + 1)
  const header = headerIn(line)
  // There is exactly one way to write the header, so that every changed byte is noticed.
  demand(JSON.stringify(header) === line, 'its first line was changed')
  demand(digest('sha256', packed) === header.sha256, 'the part after its first line was changed')
  return { header, packed }
}

function headerIn(line: string): Header {
  let value: unknown
  try {
    value = JSON.parse(line)
  } catch {
    throw new ArchiveError('its first line is not JSON')
  }
  demand(isHeader(value), `it is not in the format ${FORMAT}`)
  return value
}

const NAMES = ['format', 'first', 'count', 'edge', 'consistency', 'checkpoint', 'sha256']

function isHeader(value: unknown): value is Header {
  if (typeof value !== 'object' || value === null) return false
  const header = value as Partial<Header>
  const isHashes = (all: unknown) => Array.isArray(all) && all.every((one) => typeof one === 'string')
  return (
    Object.keys(value).join() === NAMES.join() &&
    header.format === FORMAT &&
    Number.isSafeInteger(header.first) &&
    Number(header.first) > 0 &&
    Number.isSafeInteger(header.count) &&
    Array.isArray(header.edge) &&
    header.edge.every(isHashes) &&
    isHashes(header.consistency) &&
    typeof header.checkpoint === 'string' &&
    typeof header.sha256 === 'string'
  )
}

/** Each level must have as many hashes as the size requires. */
function isEdge({ size, partial }: Edge): boolean {
  const levels = partial.length
  const isFull = (level: number) => Math.floor(size / TILE_WIDTH ** level) % TILE_WIDTH === partial[level]?.length
  return partial.every((_, level) => isFull(level)) && Math.floor(size / TILE_WIDTH ** levels) === 0
}

function entriesIn(packed: Buffer): Kept[] {
  let text: string
  try {
    text = inflateRawSync(packed, { maxOutputLength: UNPACKED_MAX_BYTES }).toString()
  } catch {
    throw new ArchiveError('the part after its first line cannot be decompressed')
  }
  return text.split('\n').map((line) => {
    // The cast is safe: the caller compares each entry with its leaf.
    const [receivedAt = '', causationId = null, body = '', traceId = null] = JSON.parse(line) as Line
    return { receivedAt, causationId, body, traceId }
  })
}

const inBase64 = (hash: Buffer) => hash.toString('base64')

function fromBase64(text: string): Buffer {
  const hash = Buffer.from(text, 'base64')
  demand(hash.length === 32 && inBase64(hash) === text, 'it contains an invalid hash')
  return hash
}

function demand(holds: boolean, otherwise: string): asserts holds {
  if (!holds) throw new ArchiveError(otherwise)
}

// A block: consecutive entries, compressed together. Most of a body repeats what is in other bodies and in the dictionary, so
// little of each is stored. Its bytes come back exactly as they were.
import { deflateRawSync, inflateRawSync } from 'node:zlib'
import type { Entry } from './domain.ts'

export interface Dictionary {
  number: number
  bytes: Buffer
}

export interface Block {
  /** The sequence of its first entry. */
  first: number
  dictionary: number
  hashes: Buffer
  records: Buffer
}

/** An entry, and the numbers of its subject and kind, by which it is found. */
export interface Filed {
  entry: Entry
  subject: number
  kind: number
}

/** An entry as unpacked: a placeholder stands for its subject, which is stored as a number. */
export interface Packed {
  sequence: number
  subject: number
  kind: number
  receivedAt: string
  causation: string
  trace: string
  body: string
  hash: string
}

// These characters cannot occur in JSON, where control characters must be escaped (RFC 8259, section 7).
export const RECORD = '\u001e'
const FIELD = '\u001f'
const SUBJECT = '\u0001'

export const HASH_BYTES = 32
/** The size of a block in characters, unless a single record is longer. To read one entry, this much is unpacked. */
const RECORDS_MAX = 131_072
/** More than any block can have: a record is at most a body and a header, whose lengths AMQP and the kernel limit. */
const UNPACKED_MAX_BYTES = 4_194_304

/** Packs the entries into as few blocks as the limit allows, each with the kinds that occur in it. */
export function pack(filed: readonly Filed[], dictionary: Dictionary): (Block & { kinds: Set<number> })[] {
  const blocks: { filed: Filed[]; records: string[] }[] = []
  let length = 0
  for (const one of filed) {
    const record = recordOf(one)
    const last = blocks.at(-1)
    length += record.length
    if (last && length <= RECORDS_MAX && last.filed.at(-1)?.entry.sequence === one.entry.sequence - 1) {
      last.filed.push(one)
      last.records.push(record)
    } else {
      blocks.push({ filed: [one], records: [record] })
      length = record.length
    }
  }
  return blocks.map((block) => ({
    first: block.filed[0]?.entry.sequence ?? 0,
    dictionary: dictionary.number,
    hashes: Buffer.from(block.filed.map(({ entry }) => entry.hash).join(''), 'hex'),
    records: deflateRawSync(block.records.join(RECORD), { dictionary: dictionary.bytes }),
    kinds: new Set(block.filed.map(({ kind }) => kind)),
  }))
}

/** The subject's number is stored as its distance from the entry's sequence: small, often equal numbers compress well. */
export function recordOf({ entry, subject, kind }: Filed): string {
  const { sequence, receivedAt, causationId, traceId, body } = entry
  const causation = causationId === null ? '' : replaced(JSON.stringify(causationId), entry.subject, SUBJECT)
  const rest = replaced(body, entry.subject, SUBJECT)
  return `${sequence - subject}${FIELD}${kind}${FIELD}${receivedAt}${FIELD}${causation}${FIELD}${rest}${traceId === null ? '' : FIELD + traceId}`
}

/** Faster than `replaceAll` if there is much to replace, and without its special patterns. */
const replaced = (text: string, one: string, other: string) => text.split(one).join(other)

/**
 * Returns nothing if the bodies are in an archive.
 *
 * @throws Error if the bytes or the dictionary are not those of the packing
 */
export function unpack({ first, hashes, records }: Block, dictionary: Buffer | undefined): Packed[] {
  if (records.length === 0) return []
  const text = inflateRawSync(records, { dictionary, maxOutputLength: UNPACKED_MAX_BYTES }).toString()
  return text.split(RECORD).map((record, place) => {
    const [back = '', kind = '', receivedAt = '', causation = '', body = '', trace = ''] = record.split(FIELD)
    const sequence = first + place
    return {
      sequence,
      subject: sequence - numberOf(back),
      kind: numberOf(kind),
      receivedAt,
      causation,
      trace,
      body,
      hash: hashes.toString('hex', place * HASH_BYTES, (place + 1) * HASH_BYTES),
    }
  })
}

/** For altered digits, a number that nothing has. */
const numberOf = (digits: string) => (/^\d{1,11}$/.test(digits) ? Number(digits) : 0)

/** @throws Error if the body is not the one that was packed */
export function restored(
  { sequence, receivedAt, causation, trace, body: packed, hash }: Packed,
  subject: string,
): Entry {
  const whole = (text: string) => replaced(text, SUBJECT, subject)
  const body = whole(packed)
  // The casts are safe: every stored body was an event with these fields.
  const { id, type, source, time } = JSON.parse(body) as Entry
  const causationId = causation === '' ? null : (JSON.parse(whole(causation)) as string)
  const traceId = trace === '' ? null : trace
  return { sequence, id, type, subject, source, time, receivedAt, causationId, traceId, body, hash }
}

/** The number of keys of each subject. A sequence of up to 2 ** 35 times this is still exact as a number. */
const KEYS = 2 ** 18

/**
 * The events of a subject have neighbouring keys: the subject's number, then some bits of the event's identity. Two events may
 * have the same key, so a reader must check the event itself.
 */
export function keyOf(subject: number, identity: string): number {
  return subject * KEYS + (fnv(identity) % KEYS)
}

export const keysOf = (subject: number) => ({ least: subject * KEYS, most: subject * KEYS + KEYS - 1 })

export const keyOfKind = (kind: number) => -kind

/** Between the keys of subjects and kinds: entries whose identity was stored before with other content. */
export const KEY_OF_CONFLICTS = 0

/** FNV-1a in 32 bits, over UTF-16. Its results are stored, so it cannot be replaced. */
function fnv(text: string): number {
  let hash = 0x811c9dc5
  for (let index = 0; index < text.length; index++) hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193)
  return hash >>> 0
}

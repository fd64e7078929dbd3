// The audit log read past the service, by what docs say of its tables: blocks of records that are packed with a dictionary. It
// shares no code with the service, which it is to find at fault.
import { inflateRawSync } from 'node:zlib'

export interface LogEntry {
  sequence: number
  id: string
  type: string
  subject: string
  source: string
  time: string
  receivedAt: string
  causationId: string | null
  traceId: string | null
  body: string
  hash: string
}

interface Block {
  first: number
  dictionary: number
  hashes: Buffer
  records: Buffer
}

type Rows = <Row>(sql: string) => Promise<Row[]> | Row[]

const BATCH = 200
/** Between records, between the fields of one, and in the place of its subject. */
const [RECORD, FIELD, SUBJECT] = ['\u001e', '\u001f', '\u0001']
const HASH_BYTES = 32

/** In the order in which they were kept; bodies as they came. */
export async function* entriesIn(rows: Rows): AsyncGenerator<LogEntry> {
  const dictionaries = new Map<number, Buffer>()
  for (const { number, bytes } of await rows<{ number: number; bytes: Buffer }>(
    'select number, bytes from dictionaries',
  ))
    dictionaries.set(number, bytes)
  const subjects = new Map<number, string>()
  for (const { number, subject } of await rows<{ number: number; subject: string }>(
    'select number, subject from subjects',
  ))
    subjects.set(number, subject)
  for (let after = 0, more = true; more; ) {
    const blocks = await rows<Block>(
      `select first, dictionary, hashes, records from blocks where first > ${after} order by first limit ${BATCH}`,
    )
    for (const block of blocks) yield* entriesOf(block, dictionaries, subjects)
    after = blocks.at(-1)?.first ?? after
    more = blocks.length === BATCH
  }
}

function* entriesOf(
  { first, dictionary, hashes, records }: Block,
  dictionaries: ReadonlyMap<number, Buffer>,
  subjects: ReadonlyMap<number, string>,
): Generator<LogEntry> {
  const text = inflateRawSync(records, { dictionary: dictionaries.get(dictionary) }).toString()
  for (const [place, record] of text.split(RECORD).entries()) {
    const sequence = first + place
    const [back = '', , receivedAt = '', causation = '', packed = '', trace = ''] = record.split(FIELD)
    const subject = subjects.get(sequence - Number(back)) ?? ''
    const body = packed.replaceAll(SUBJECT, () => subject)
    const causationId = causation === '' ? null : JSON.parse(causation.replaceAll(SUBJECT, () => subject))
    const { id, type, source, time } = JSON.parse(body)
    const hash = hashes.toString('hex', place * HASH_BYTES, (place + 1) * HASH_BYTES)
    yield {
      sequence,
      id,
      type,
      subject,
      source,
      time,
      receivedAt,
      causationId,
      traceId: trace === '' ? null : trace,
      body,
      hash,
    }
  }
}

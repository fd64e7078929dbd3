// Reads an archive back: its bodies are in their blocks again, compressed as before, for as long as they are needed.
import { deflateRawSync } from 'node:zlib'
import type { Database } from '@orders/shared/storage'
import { RECORD, recordOf } from '../block.ts'
import { type Entry, nameOfKind } from '../domain.ts'
import { leafHashOf } from '../proof/leaf.ts'
import type { Archived } from '../reading/archives/store.ts'
import { dictionariesOf } from '../reading/store.ts'
import type { Archive } from './file.ts'
import { emptyBlocks, fillBlock, numbersOf, saveBackUntil } from './store.ts'

const BLOCKS_A_STEP = 16

/**
 * After an interruption, run it again. The archive must be verified already. Returns the number of entries.
 *
 * @throws Error if the log has other entries there
 */
export async function bringBack(
  database: Database,
  archived: Archived,
  { first, entries }: Archive,
  until: string,
): Promise<number> {
  // First, so that the archiver does not remove the bodies again meanwhile.
  await saveBackUntil(database, archived.first, until)
  const blocks = await emptyBlocks(database, archived)
  const dictionaries = await dictionariesOf(
    database,
    blocks.map((block) => ({ ...block, records: Buffer.alloc(0) })),
  )
  let count = 0
  for (let at = 0; at < blocks.length; at += BLOCKS_A_STEP) {
    const some = blocks.slice(at, at + BLOCKS_A_STEP).map((block) => {
      const kept = entries.slice(block.first - first, block.first - first + block.count)
      const leaves = Buffer.concat(kept.map(leafHashOf))
      if (!leaves.equals(block.hashes))
        throw new Error(`from entry ${block.first} on, the log has other entries than the file`)
      return { block, entries: kept.map((one, place) => entryOf(one, block.first + place)) }
    })
    const subjects = [...new Set(some.flatMap((one) => one.entries.map(({ subject }) => subject)))]
    const { ofSubjects, ofKinds } = await numbersOf(database, subjects)
    const subjectNumbers = new Map(ofSubjects.map(({ subject, number }) => [subject, Number(number)]))
    const kindNumbers = new Map(ofKinds.map(({ number, ...kind }) => [nameOfKind(kind), Number(number)]))
    await database.transaction(async (tx) => {
      for (const { block, entries: ofBlock } of some) {
        const records = ofBlock.map((entry) =>
          recordOf({
            entry,
            subject: numberOf(subjectNumbers, entry.subject),
            kind: numberOf(kindNumbers, nameOfKind(entry)),
          }),
        )
        const dictionary = dictionaries.get(block.dictionary)
        await fillBlock(tx, block.first, deflateRawSync(records.join(RECORD), { dictionary }))
      }
    })
    count += some.reduce((sum, { block }) => sum + block.count, 0)
  }
  return count
}

function numberOf(numbers: ReadonlyMap<string, number>, name: string): number {
  const number = numbers.get(name)
  if (number === undefined) throw new Error(`the log has no ${name}`)
  return number
}

function entryOf({ receivedAt, causationId, body, traceId }: Archive['entries'][number], sequence: number): Entry {
  // The cast is safe: every stored body was an event with these fields.
  const { id, type, subject = '', source, time } = JSON.parse(body) as Entry
  return { sequence, id, type, subject, source, time, receivedAt, causationId, traceId, body, hash: '' }
}

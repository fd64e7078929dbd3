// Exports the events about a customer that are in archives, read from their files. If a file cannot be read, the export names
// it, so that nobody takes the export for complete.
import { join } from 'node:path'
import type { Personal } from '@orders/shared/messaging'
import { BrokenError, type HeldRecord, type Holding, type MissingRecords } from '@orders/shared/runtime'
import type { Verifier } from '../proof/note.ts'
import { type Archived, nextAbout } from '../reading/archives/store.ts'
import { readWhole } from './files.ts'

interface Options {
  folder: string
  verifier: Verifier
}

/** One file at a time, the oldest first. The place in the listing is a sequence. */
export function heldInArchives({ folder, verifier }: Options): Holding {
  async function recordsOf(
    { file, sha256, first, last }: Archived,
    sequences: readonly number[],
    { show, limit }: { show: Personal['show']; limit: number },
  ): Promise<(HeldRecord | MissingRecords)[]> {
    try {
      const { entries } = await readWhole(join(folder, file), verifier, sha256)
      const kept = sequences.slice(0, limit).flatMap((sequence) => {
        const entry = entries[sequence - first]
        return entry ? [{ sequence, receivedAt: entry.receivedAt, event: JSON.parse(entry.body) }] : []
      })
      const data = await show(kept.map(({ event }) => event))
      return kept.map(({ event, ...one }, index) => ({
        place: [one.sequence],
        record: { ...one, event: { ...event, data: data[index] } },
      }))
    } catch (thrown) {
      if (!(thrown instanceof BrokenError)) throw thrown
      return [{ place: [last], missing: `${sequences.length} events are in an archive: ${thrown.message}` }]
    }
  }

  return {
    by: 'subjects',
    isSlow: true,
    async list({ sql, show }, { subjects }, { after = [0], limit }) {
      const next = await nextAbout(sql, subjects, Number(after[0]))
      return next ? recordsOf(next.archived, next.sequences, { show, limit }) : []
    },
  }
}

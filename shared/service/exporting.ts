// Answers the question for everything that a service stores about a person, in pages that the broker carries easily.
import type { ExportReply, ExportRequest } from '../contracts/definition/operations.ts'
import { type Crossing, MissingKeyError, type Personal } from '../messaging/index.ts'
import { RejectedError } from '../runtime/errors.ts'
import type { Reader } from '../storage/index.ts'
import { type About, type Holding, type Holdings, kernelsHoldings, type Place } from './holdings.ts'

/** One page, before it is encrypted. */
export interface ExportPage {
  records: { table: string; record: object }[]
  /** Why some data cannot be given out. An earlier version does not send it. */
  missing?: string[]
  /** Subjects of the person that the question did not name. */
  subjects: string[]
}

interface Parts {
  database: Reader
  show: Personal['show']
  crossing: Crossing
  holdings: Holdings
}

/** Limit of a page after its first record. One record may be as large as a message. */
const PAGE_LENGTH_MAX = 200_000
const ROWS = 100
/** A page ends after this time, since the asker waits only a few seconds. */
const PAGE_MS = 1_500

/** The table to read next, and the last place read in it. */
interface Cursor {
  table: string
  after: Place | undefined
}

export function exporterOf({ database, show, crossing, holdings }: Parts) {
  const all = Object.entries({ ...holdings, ...kernelsHoldings }).filter(
    (entry): entry is [string, Holding] => typeof entry[1] !== 'string',
  )

  /** Reads on from the cursor until the page is full. */
  async function page(about: About, from: Cursor | undefined): Promise<ExportPage & { next: Cursor | undefined }> {
    const asked = all.filter(([, { by }]) => (by === 'subjects') === about.subjects.length > 0)
    const records: ExportPage['records'] = []
    const subjects = new Set<string>()
    const missing: string[] = []
    const ended = (next: Cursor | undefined) => ({ records, missing, subjects: [...subjects], next })
    let length = 0
    const beganMs = performance.now()
    const start = from === undefined ? 0 : asked.findIndex(([table]) => table === from.table)
    // The cursor names a table of another version.
    if (start < 0) throw new RejectedError(409, 'export_changed', `there is no ${from?.table} any more: begin again`)
    for (const [index, [table, holding]] of asked.slice(start).entries()) {
      let after = index === 0 ? from?.after : undefined
      for (let isMore = true; isMore; ) {
        const rows = await holding.list({ sql: database, show }, about, { after, limit: ROWS })
        for (const row of rows) {
          if ('missing' in row) missing.push(row.missing)
          else {
            length += JSON.stringify(row.record).length
            if (records.length > 0 && length > PAGE_LENGTH_MAX) return ended({ table, after })
            records.push({ table, record: row.record })
            if (row.subject !== undefined) subjects.add(row.subject)
          }
          after = row.place
        }
        isMore = holding.isSlow ? rows.length > 0 : rows.length >= ROWS
        if (isMore && performance.now() - beganMs > PAGE_MS) return ended({ table, after })
      }
    }
    return ended(undefined)
  }

  /** @throws RejectedError 503 `key_missing`: the asker tries again after a moment */
  const opened = (names: string) =>
    crossing.open(names).catch((thrown: unknown) => {
      if (!(thrown instanceof MissingKeyError)) throw thrown
      throw new RejectedError(503, thrown.code, thrown.message, { cause: thrown })
    })

  return async ({ ownerId, names, subjects = [], after }: ExportRequest): Promise<ExportReply> => {
    // Decoding edge: another copy of this code has encrypted the names and written the cursor.
    const about = { ownerId, subjects, names: JSON.parse(await opened(names)) as string[] }
    const from = after === undefined ? undefined : (JSON.parse(after) as Cursor)
    const { next, ...found } = await page(about, from)
    return {
      page: await crossing.seal(JSON.stringify(found satisfies ExportPage)),
      next: next === undefined ? null : JSON.stringify(next),
    }
  }
}

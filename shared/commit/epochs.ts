// Marks how far a database has come, so that others can tell whether it still knows everything that it has published.
//
// The outbox numbers the messages it records and never reuses a number. A number belongs to an epoch, which is one life of a
// database. A new database begins an epoch, and so does one that is restored from a copy. Each message carries both. An
// observer that keeps the highest number of each epoch notices a database that has lost something: its number is lower, or it
// does not know the epoch.
import { randomUUID } from 'node:crypto'
import type { Database, Reader, Sql } from '../storage/index.ts'

export interface Mark {
  epoch: string
  last: number
}

/** Header of every message that passed the outbox: `service/epoch/number`. */
export const RECORDED = 'recorded'

export const recordedAs = (service: string, { epoch, last }: Mark) => `${service}/${epoch}/${last}`

/** Returns undefined if the header is missing or has another form. */
export function recordedIn(header: unknown): (Mark & { service: string }) | undefined {
  const [, service, epoch, last] = /^([a-z0-9-]{1,64})\/([0-9a-f]{12})\/(\d{1,15})$/.exec(String(header)) ?? []
  return service === undefined || epoch === undefined ? undefined : { service, epoch, last: Number(last) }
}

/** Returns the current epoch. The first copy of the service to ask begins it. */
export function openEpoch(database: Database): Promise<string> {
  return database.transaction(async (tx) => {
    await tx.lock(['epochs'])
    const open = await tx.get<{ epoch: string }>('select epoch from epochs where last is null')
    if (open) return open.epoch
    const epoch = randomUUID().replaceAll('-', '').slice(0, 12)
    await tx.run('insert into epochs (epoch) values (?)', epoch)
    return epoch
  })
}

/**
 * For a restored copy of a database. The original may have recorded messages that the copy does not know, so the epoch ends
 * here.
 */
export async function endEpoch(database: Database): Promise<void> {
  const last = await lastRecorded(database)
  await database.run('update epochs set last = ? where last is null', last)
}

/** The highest number that the database knows, for each of its epochs. */
export async function marksOf(database: Database): Promise<Mark[]> {
  const last = await lastRecorded(database)
  const rows = await database.all<{ epoch: string; last: number | null }>('select epoch, last from epochs')
  return rows.map((row) => ({ epoch: row.epoch, last: Number(row.last ?? last) }))
}

/** Stores that the database knows these marks. */
export async function learnMarks(tx: Sql, marks: readonly Mark[]): Promise<void> {
  for (const { epoch, last } of marks)
    await tx.run(
      `insert into epochs (epoch, last) values (?, ?)
       on conflict (epoch) do update set last = excluded.last where epochs.last < excluded.last`,
      epoch,
      last,
    )
}

/** Whether something was published that the database does not know. */
export function isBehind(own: readonly Mark[], published: readonly Mark[]): boolean {
  const known = new Map(own.map(({ epoch, last }) => [epoch, last]))
  return published.some(({ epoch, last }) => (known.get(epoch) ?? -1) < last)
}

/** The number of the newest recorded message, even if its row is deleted already. */
async function lastRecorded(database: Pick<Database, 'dialect'> & Reader): Promise<number> {
  const row = await database.get<{ last: number }>(
    database.dialect === 'sqlite'
      ? `select seq as last from sqlite_sequence where name = 'outbox'`
      : 'select case when is_called then last_value else 0 end as last from outbox_sequence_seq',
  )
  return Number(row?.last ?? 0)
}

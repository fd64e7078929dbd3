// How far a database has come, said so that others can tell whether it still knows all that it has published.
//
// The outbox numbers what it records, and never gives a number twice. A number is of an epoch, one life of the database: a new
// database begins another, and so does one that is put back from a copy. Each message carries both, so whoever keeps the highest
// knows a database that has forgotten something: its number is lower, or it does not know the epoch.
import { randomUUID } from 'node:crypto'
import type { Database, Reader, Sql } from '../storage/index.ts'

export interface Mark {
  epoch: string
  last: number
}

/** The header of every message that was recorded: `service/epoch/number`. */
export const RECORDED = 'recorded'

export const recordedAs = (service: string, { epoch, last }: Mark) => `${service}/${epoch}/${last}`

/** Undefined for what is no such header. */
export function recordedIn(header: unknown): (Mark & { service: string }) | undefined {
  const [, service, epoch, last] = /^([a-z0-9-]{1,64})\/([0-9a-f]{12})\/(\d{1,15})$/.exec(String(header)) ?? []
  return service === undefined || epoch === undefined ? undefined : { service, epoch, last: Number(last) }
}

/** The epoch that goes on; begun by whichever copy of the service comes first. */
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

/** For a database that is a copy: what the one it was copied from has recorded since is not known to it. */
export async function endEpoch(database: Database): Promise<void> {
  const last = await lastRecorded(database)
  await database.run('update epochs set last = ? where last is null', last)
}

/** What the database knows of: of each epoch up to which number. */
export async function marksOf(database: Database): Promise<Mark[]> {
  const last = await lastRecorded(database)
  const rows = await database.all<{ epoch: string; last: number | null }>('select epoch, last from epochs')
  return rows.map((row) => ({ epoch: row.epoch, last: Number(row.last ?? last) }))
}

/** Says that the database knows all of these. */
export async function learnMarks(tx: Sql, marks: readonly Mark[]): Promise<void> {
  for (const { epoch, last } of marks)
    await tx.run(
      `insert into epochs (epoch, last) values (?, ?)
       on conflict (epoch) do update set last = excluded.last where epochs.last < excluded.last`,
      epoch,
      last,
    )
}

/** Whether something was published that the database does not know of. */
export function isBehind(own: readonly Mark[], published: readonly Mark[]): boolean {
  const known = new Map(own.map(({ epoch, last }) => [epoch, last]))
  return published.some(({ epoch, last }) => (known.get(epoch) ?? -1) < last)
}

/** The number of the newest message that was recorded, whether its row is still there or not. */
async function lastRecorded(database: Pick<Database, 'dialect'> & Reader): Promise<number> {
  const row = await database.get<{ last: number }>(
    database.dialect === 'sqlite'
      ? `select seq as last from sqlite_sequence where name = 'outbox'`
      : 'select case when is_called then last_value else 0 end as last from outbox_sequence_seq',
  )
  return Number(row?.last ?? 0)
}

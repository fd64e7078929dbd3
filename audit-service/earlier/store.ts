// audit-service's SQL for a log of an earlier version, one row for each event: it is moved into blocks when the service starts.
import { lockKeyOf } from '@orders/shared/messaging'
import type { Database, Sql, Transaction } from '@orders/shared/storage'
import { HASH_BYTES } from '../block.ts'
import type { Entry } from '../domain.ts'
import { HEAD, headOf, type States } from '../store.ts'

/** A body may have a megabyte. */
const BATCH = 128

/**
 * Moves what is there, in the order in which it was kept and with its hashes, each batch in a transaction of its own: whoever
 * is interrupted goes on where it was. Resolves with how many there were.
 */
export async function moveEarlier(database: Database, states: States): Promise<number> {
  for (let all = 0; ; ) {
    const moved = await database.transaction((tx) => moveBatch(tx, database.dialect, states))
    if (moved === 0) return all
    all += moved
  }
}

async function moveBatch(tx: Transaction, dialect: Database['dialect'], { log, append }: States): Promise<number> {
  // Another copy of the service may start at the same moment.
  await tx.lock([lockKeyOf(log, HEAD)])
  if (!(await isThere(tx, dialect))) return 0
  const { sequence } = await headOf(tx)
  const entries = await tx.all<Entry>(
    `select sequence, id, type, subject, source, time, received_at as "receivedAt", causation_id as "causationId",
       body, hash
     from events_before_blocks where sequence > ? order by sequence limit ${BATCH}`,
    sequence,
  )
  if (entries.length === 0) await tx.run('drop table events_before_blocks')
  await append(tx, entries.map(withWholeHash))
  return entries.length
}

async function isThere(sql: Sql, dialect: Database['dialect']): Promise<boolean> {
  const tables =
    dialect === 'sqlite'
      ? `select name from sqlite_master where name = 'events_before_blocks'`
      : `select tablename from pg_tables where schemaname = current_schema() and tablename = 'events_before_blocks'`
  return (await sql.get(tables)) !== undefined
}

/** A hash that is none was changed before; so that the others keep their places, it becomes one that fits nothing. */
function withWholeHash(entry: Entry): Entry {
  const isWhole = /^[0-9a-f]{64}$/.test(entry.hash)
  return isWhole ? entry : { ...entry, hash: '0'.repeat(HASH_BYTES * 2) }
}

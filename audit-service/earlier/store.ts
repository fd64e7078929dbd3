// The SQL that takes over the log of earlier versions. At the start of the service it moves the row of each event into blocks.
// Later, leaves of the tree replace the links of the hash chain.
import { lockKeyOf } from '@orders/shared/messaging'
import { BrokenError } from '@orders/shared/runtime'
import type { Database, Reader, Sql, Transaction } from '@orders/shared/storage'
import { type Block, HASH_BYTES } from '../block.ts'
import type { Entry, Fault } from '../domain.ts'
import { leafHashOf } from '../proof/leaf.ts'
import { opened } from '../reading/opened.ts'
import { blocksAfter } from '../reading/store.ts'
import { HEAD, headOf, type States } from '../store.ts'
import { continued } from './chain.ts'

/** A body can have a megabyte. */
const BATCH = 128

/**
 * Moves all rows in their order, with their links, one transaction for each batch. After an interruption the next start
 * continues. Returns the number of rows moved.
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
  const entries = await tx.all<Omit<Entry, 'traceId'>>(
    `select sequence, id, type, subject, source, time, received_at as "receivedAt", causation_id as "causationId",
       body, hash
     from events_before_blocks where sequence > ? order by sequence limit ${BATCH}`,
    await headOf(tx),
  )
  const last = entries.at(-1)
  if (last) await tx.run('update earlier_chain set until = ?', last.sequence)
  else await tx.run('drop table events_before_blocks')
  await append(
    tx,
    entries.map((entry) => withWholeHash({ ...entry, traceId: null })),
    [],
    'links',
  )
  return entries.length
}

async function isThere(sql: Sql, dialect: Database['dialect']): Promise<boolean> {
  const tables =
    dialect === 'sqlite'
      ? `select name from sqlite_master where name = 'events_before_blocks'`
      : `select tablename from pg_tables where schemaname = current_schema() and tablename = 'events_before_blocks'`
  return (await sql.get(tables)) !== undefined
}

/** A malformed hash was changed earlier. It becomes a hash that fits nothing, so that the others keep their places. */
function withWholeHash(entry: Entry): Entry {
  const isWhole = /^[0-9a-f]{64}$/.test(entry.hash)
  return isWhole ? entry : { ...entry, hash: '0'.repeat(HASH_BYTES * 2) }
}

interface Chain {
  /**
   * The last entry with a link. Copies of an earlier version that still run continue the chain from leaves as if they were
   * links, so later entries are not checked by links.
   */
  until: number
  sequence: number
  hash: string
  brokenAt: number | null
  why: Fault['why'] | null
}

const chainOf = (sql: Reader) =>
  sql.get<Chain>('select until, sequence, hash, broken_at as "brokenAt", why from earlier_chain')

/** Where the chain is broken. The tree cannot show this any more. */
export async function earlierFault(sql: Reader): Promise<Fault | undefined> {
  const { brokenAt = null, why = null } = (await chainOf(sql)) ?? {}
  return brokenAt === null || why === null ? undefined : { brokenAt, why }
}

/** Replaces the links of the next blocks after this sequence by leaves, after it has checked the links. */
export async function takeOver(database: Database, sequence: number): Promise<void> {
  const chain = await chainOf(database)
  if (!chain) throw new BrokenError('log_broken', 'the row of earlier_chain is gone')
  const next = await blocksAfter(database, sequence)
  const taken = next.findIndex(({ leaves }) => leaves === 1)
  const blocks = await opened(database, taken < 0 ? next : next.slice(0, taken))
  const after = blocks.reduce(checkedBy, chain)
  await database.transaction(async (tx) => {
    const found = await tx.run(
      'update earlier_chain set sequence = ?, hash = ?, broken_at = ?, why = ? where sequence = ?',
      after.sequence,
      after.hash,
      after.brokenAt,
      after.why,
      chain.sequence,
    )
    // Another copy was faster.
    if (found === 0) return
    for (const { block, entries } of blocks)
      await tx.run(
        'update blocks set leaves = 1, hashes = ? where first = ? and leaves = 0',
        leavesOf(block, entries),
        block.first,
      )
  })
}

type OpenBlock = Awaited<ReturnType<typeof opened>>[number]

function checkedBy(chain: Chain, { block, entries }: OpenBlock): Chain {
  if (chain.brokenAt !== null || block.first > chain.until) return chain
  const outcome = continued(
    chain,
    entries.map(({ entry }) => entry),
  )
  if (!('link' in outcome)) return { ...chain, ...outcome }
  const isWhole = entries.length * HASH_BYTES === block.hashes.length
  return isWhole ? { ...chain, ...outcome.link } : { ...chain, brokenAt: outcome.link.sequence + 1, why: 'changed' }
}

/** A record that cannot be read keeps its old hash, which is not the leaf of any entry. */
function leavesOf({ hashes }: Block, entries: OpenBlock['entries']): Buffer {
  const leaves = entries.map(({ entry }) => leafHashOf(entry))
  return Buffer.concat([...leaves, hashes.subarray(leaves.length * HASH_BYTES)]).subarray(0, hashes.length)
}

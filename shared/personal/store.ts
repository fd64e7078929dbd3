// The SQL of personal keys. They have a file or schema of their own, so that they are backed up separately from the data.
import { release } from '../retries/retries.ts'
import { type Database, insert, type Reader, type Sql } from '../storage/index.ts'
import type { Change, State } from '../storage/state.ts'
import { learnt, type PersonalKey } from './keys.ts'
import type { Master } from './master.ts'

/** Keys by owner. */
export const personalKeys: State<readonly PersonalKey[]> = { name: 'keys', load, save, saved }
/** Keys by their id. */
export const keysById: State<KeyRow> = { name: 'keys by id', load: loadById, save: async () => undefined }

/** The `waitsFor` value of a message whose key has not arrived. */
export const waitingFor = (keyId: string) => `key:${keyId}`

export interface KeyRow extends PersonalKey {
  ownerId: string
}

const KEYS = `select key_id as "keyId", owner_id as "ownerId", wrapped, master_id as "masterId", created_at as "createdAt",
  kept_at as "keptAt", forgotten_at as "forgottenAt" from keys.personal_keys`

async function loadById(sql: Reader, keyIds: string[]): Promise<Map<string, KeyRow>> {
  const rows = await sql.all<KeyRow>(`${KEYS} where key_id in each(?)`, keyIds)
  return new Map(rows.map((row) => [row.keyId, row]))
}

export const keysOf = (sql: Reader, ownerIds: string[]): Promise<KeyRow[]> =>
  sql.all<KeyRow>(`${KEYS} where owner_id in each(?)`, ownerIds)

/** The owners whose keys were deleted at or after this instant. */
export async function droppedSince(sql: Reader, since: string): Promise<string[]> {
  const rows = await sql.all<{ ownerId: string }>(
    'select distinct owner_id as "ownerId" from keys.personal_keys where forgotten_at >= ?',
    since,
  )
  return rows.map(({ ownerId }) => ownerId)
}

async function load(sql: Reader, ownerIds: string[]): Promise<Map<string, PersonalKey[]>> {
  const all = new Map<string, PersonalKey[]>()
  for (const { ownerId, ...key } of await keysOf(sql, ownerIds)) all.set(ownerId, [...(all.get(ownerId) ?? []), key])
  return all
}

type Changes = Change<readonly PersonalKey[]>[]

const changedIn = (changes: Changes): KeyRow[] =>
  changes.flatMap(({ key: ownerId, before = [], after }) =>
    after.filter((key) => !before.includes(key)).map((key): KeyRow => ({ ownerId, ...key })),
  )

async function save(tx: Sql, changes: Changes): Promise<void> {
  await insert(
    tx,
    'keys.personal_keys (key_id, owner_id, wrapped, master_id, created_at, kept_at, forgotten_at)',
    changedIn(changes).map(({ keyId, ownerId, wrapped, masterId, createdAt, keptAt, forgottenAt }) => [
      keyId,
      ownerId,
      wrapped,
      masterId,
      createdAt,
      keptAt,
      forgottenAt,
    ]),
    `on conflict (key_id) do update set wrapped = excluded.wrapped, master_id = excluded.master_id,
       forgotten_at = excluded.forgotten_at`,
  )
}

/** When a key is stored, the messages that wait for it become due. */
async function saved(tx: Sql, changes: Changes): Promise<number> {
  const changed = changedIn(changes)
  const [first] = changed
  const awaited = changed.map(({ keyId }) => waitingFor(keyId))
  return first ? release(tx, awaited, first.keptAt) : 0
}

/** Stores the keys that are not known yet. A forgotten key stays forgotten. */
export async function keepKeys(database: Database, rows: readonly KeyRow[]): Promise<void> {
  const owners = new Map<string, KeyRow[]>()
  for (const row of rows) owners.set(row.ownerId, [...(owners.get(row.ownerId) ?? []), row])
  await database.transaction(async (tx) => {
    const known = await load(tx, [...owners.keys()])
    const changes = [...owners].map(([key, told]) => {
      const before = known.get(key) ?? []
      const after = told.reduce<readonly PersonalKey[]>(learnt, before)
      return { key, before, after }
    })
    await save(tx, changes)
    await saved(tx, changes)
  })
}

/**
 * Runs at each start instead of as a migration, since a backup may restore the data without the keys, or the keys without the
 * data.
 */
export async function prepareKeys(database: Database): Promise<void> {
  await database.transaction(async (tx) => {
    await tx.lock(['keys'])
    const isPostgres = database.dialect === 'postgres'
    if (isPostgres) await tx.run('create schema if not exists keys')
    await tx.run(
      `create table if not exists keys.personal_keys (
         key_id text primary key,
         owner_id text not null,
         wrapped text,
         master_id text not null,
         created_at text not null,
         kept_at text not null,
         forgotten_at text
       )`,
    )
    // SQLite takes the schema with the index, PostgreSQL with the table.
    const [index, table] = isPostgres ? ['', 'keys.'] : ['keys.', '']
    await tx.run(`create index if not exists ${index}personal_keys_by_owner on ${table}personal_keys (owner_id)`)
    await tx.run(
      `create index if not exists ${index}personal_keys_dropped on ${table}personal_keys (forgotten_at)
         where forgotten_at is not null`,
    )
  })
}

const REWRAP_BATCH = 500

/** Wraps keys again with the current master key. Returns how many, and how many none of our master keys can unwrap. */
export async function rewrap(database: Database, master: Master): Promise<{ rewrapped: number; foreign: number }> {
  const count = { rewrapped: 0, foreign: 0 }
  for (let after = ''; ; ) {
    const rows = await database.all<KeyRow>(
      `${KEYS} where key_id > ? and wrapped is not null and master_id <> ? order by key_id limit ?`,
      after,
      master.id,
      REWRAP_BATCH,
    )
    const last = rows.at(-1)
    if (!last) return count
    after = last.keyId
    const anew = rows.flatMap(({ keyId, wrapped, masterId }) => {
      const key = wrapped === null ? undefined : master.unwrap(wrapped, masterId)
      return key ? [{ keyId, before: wrapped, wrapped: master.wrap(key) }] : []
    })
    // `wrapped = ?` skips a key that was deleted meanwhile.
    await database.transaction((tx) =>
      Promise.all(
        anew.map(({ keyId, before, wrapped }) =>
          tx.run(
            'update keys.personal_keys set wrapped = ?, master_id = ? where key_id = ? and wrapped = ?',
            wrapped,
            master.id,
            keyId,
            before,
          ),
        ),
      ),
    )
    count.rewrapped += anew.length
    count.foreign += rows.length - anew.length
  }
}

/**
 * Removes deleted keys from the files too: from SQLite's write-ahead log, or from PostgreSQL's old row versions. False if not
 * possible yet.
 */
export async function eraseDropped(database: Database): Promise<boolean> {
  if (database.dialect === 'sqlite') return database.emptyWal()
  await database.all('vacuum keys.personal_keys')
  return true
}

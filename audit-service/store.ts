// The SQL that appends to the audit log. The entries of a group commit are stored together.
import type { State } from '@orders/shared/messaging'
import { type Database, insert, type Reader, type Sql } from '@orders/shared/storage'
import { type Dictionary, HASH_BYTES, KEY_OF_CONFLICTS, keyOf, keyOfKind, pack } from './block.ts'
import { additionsOf, type Entry, entriesAfter, firstOf, identityOf, type Log, nameOfKind } from './domain.ts'
import { entriesUnder } from './reading/store.ts'

/** The one key of the log: every entry continues the one before it. */
export const HEAD = 'head'

export interface States {
  log: State<Log>
  /** By the identity of an event: the bodies that the log has under it, the oldest first. */
  kept: State<readonly string[]>
  /**
   * Appends entries to the log without checking for repeats. `conflicts` are the sequences to mark. The entries' hashes are
   * leaves, or links of an earlier version's chain.
   */
  append(
    tx: Sql,
    entries: readonly Entry[],
    conflicts?: readonly number[],
    hashesAre?: 'leaves' | 'links',
  ): Promise<unknown>
}

/** New entries are compressed with this dictionary. */
export function statesWith(dictionary: Dictionary): States {
  const subjects = remembering(readSubjects)
  const kinds = remembering(readKinds)
  const append: States['append'] = async (tx, entries, conflicts = [], hashesAre = 'leaves') => {
    const subjectOf = numbering(await subjects(tx, new Set(entries.map(({ subject }) => subject))))
    const kindOf = numbering(await kinds(tx, new Set(entries.map(nameOfKind))))
    const filed = entries.map((entry) => ({
      entry,
      subject: subjectOf(entry.subject, entry),
      kind: kindOf(nameOfKind(entry), entry),
    }))
    const blocks = pack(filed, dictionary)
    // A number that equals the entry's own sequence is new.
    const ofNewSubjects = filed.filter(({ entry, subject }) => subject === entry.sequence)
    const ofNewKinds = filed.filter(({ entry, kind }) => kind === entry.sequence)
    await Promise.all([
      insert(
        tx,
        'subjects (number, subject)',
        ofNewSubjects.map(({ entry, subject }) => [subject, entry.subject]),
      ),
      insert(
        tx,
        'kinds (number, type, source)',
        ofNewKinds.map(({ entry, kind }) => [kind, entry.type, entry.source]),
      ),
      insert(
        tx,
        'blocks (first, dictionary, leaves, hashes, records)',
        blocks.map(({ first, dictionary: number, hashes, records }) => [
          first,
          number,
          hashesAre === 'leaves' ? 1 : 0,
          hashes,
          records,
        ]),
      ),
      insert(tx, 'places (key, sequence)', [
        ...filed.map(({ entry, subject }) => [keyOf(subject, identityOf(entry)), entry.sequence]),
        ...blocks.flatMap((block) => [...block.kinds].map((kind) => [keyOfKind(kind), block.first])),
        ...conflicts.map((sequence) => [KEY_OF_CONFLICTS, sequence]),
      ]),
    ])
  }
  return {
    append,
    log: {
      name: 'log',
      load: async (sql) => new Map([[HEAD, { head: await headOf(sql) }]]),
      save: (tx, changes) =>
        Promise.all(
          changes.map(({ after }) => {
            const { entries, conflicts } = entriesAfter(after.head, additionsOf(after))
            return append(tx, entries, conflicts)
          }),
        ),
    },
    kept: {
      name: 'kept',
      load: (sql, identities) => loadKept(sql, identities, subjects),
      save: async () => undefined,
    },
  }
}

/** The sequence of the newest entry; 0 if there is none. */
export async function headOf(sql: Reader): Promise<number> {
  const last = await sql.get<{ first: number; bytes: number }>(
    'select first, length(hashes) as bytes from blocks order by first desc limit 1',
  )
  return last ? last.first + last.bytes / HASH_BYTES - 1 : 0
}

async function loadKept(sql: Reader, identities: string[], subjects: Lookup): Promise<Map<string, string[]>> {
  const numbers = await subjects(sql, new Set(identities.map(firstOf)))
  const keys = identities.flatMap((identity) => {
    const number = numbers.get(firstOf(identity))
    return number === undefined ? [] : [keyOf(number, identity)]
  })
  const found = await entriesUnder(sql, keys)
  const bodies = new Map<string, string[]>()
  for (const entry of found) {
    const identity = identityOf(entry)
    bodies.set(identity, [...(bodies.get(identity) ?? []), entry.body])
  }
  return bodies
}

type Numbers = ReadonlyMap<string, number>
/** Returns at least the numbers of those names that have one. */
type Lookup = (sql: Reader, names: ReadonlySet<string>) => Promise<Numbers>

/** A cache: an order's events arrive within seconds of each other. */
const REMEMBERED_MAX = 20_000

/** Caches numbers: a committed number never changes. */
function remembering(read: Lookup): Lookup {
  const known = new Map<string, number>()
  return async (sql, names) => {
    if (known.size > REMEMBERED_MAX) known.clear()
    const unknown = new Set([...names].filter((name) => !known.has(name)))
    if (unknown.size > 0) for (const [name, number] of await read(sql, unknown)) known.set(name, number)
    return known
  }
}

async function readSubjects(sql: Reader, names: ReadonlySet<string>): Promise<Numbers> {
  const rows = await sql.all<{ number: number; subject: string }>(
    'select number, subject from subjects where subject in each(?)',
    [...names],
  )
  return new Map(rows.map(({ number, subject }) => [subject, number]))
}

async function readKinds(sql: Reader, names: ReadonlySet<string>): Promise<Numbers> {
  const rows = await sql.all<{ number: number; type: string; source: string }>(
    'select number, type, source from kinds where type in each(?)',
    [...names].map(firstOf),
  )
  return new Map(rows.map(({ number, ...kind }) => [nameOfKind(kind), number]))
}

/** The number of a name: the known one, or the sequence of the first entry with that name. */
function numbering(known: Numbers): (name: string, entry: Entry) => number {
  const added = new Map<string, number>()
  return (name, { sequence }) => {
    const number = known.get(name) ?? added.get(name)
    if (number === undefined) added.set(name, sequence)
    return number ?? sequence
  }
}

/** The dictionary with these bytes. It is added if it is new, and never removed, since blocks compressed with it need it. */
export function dictionaryWith(database: Database, bytes: Buffer): Promise<Dictionary> {
  return database.transaction(async (tx) => {
    await tx.lock(['dictionaries'])
    const all = await tx.all<Dictionary>('select number, bytes from dictionaries order by number')
    const known = all.find((one) => one.bytes.equals(bytes))
    if (known) return known
    const added = { number: (all.at(-1)?.number ?? 0) + 1, bytes }
    await insert(tx, 'dictionaries (number, bytes)', [[added.number, added.bytes]])
    return added
  })
}

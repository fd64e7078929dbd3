// audit-service's SQL for what comes in: entries are only ever added, those of a group together.
import type { State } from '@orders/shared/messaging'
import { type Database, insert, type Reader, type Sql } from '@orders/shared/storage'
import { type Dictionary, HASH_BYTES, KEY_OF_CONFLICTS, keyOf, keyOfKind, pack } from './block.ts'
import { additionsOf, type Entry, entriesAfter, firstOf, identityOf, type Log, nameOfKind } from './domain.ts'
import { entriesUnder } from './reading/store.ts'

/** The one key of the log: every entry continues the one before it. */
export const HEAD = 'head'

export interface States {
  log: State<Log>
  /** By the identity of an event: the bodies that the log has under it, the first first. */
  kept: State<readonly string[]>
  /**
   * Adds entries to the end of the log, whatever it has already; `conflicts` are the sequences of those to be marked. Their hashes are
   * those of leaves, or links of the earlier chain.
   */
  append(
    tx: Sql,
    entries: readonly Entry[],
    conflicts?: readonly number[],
    hashesAre?: 'leaves' | 'links',
  ): Promise<unknown>
}

/** What is added is packed with this dictionary. */
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
    // A number that is an entry's own sequence was given just now.
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

/** The sequence of the newest entry; 0 where there is none. */
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
/** The numbers of those that have one. */
type Lookup = (sql: Reader, names: ReadonlySet<string>) => Promise<Numbers>

/** An order's events come within seconds of each other. */
const REMEMBERED_MAX = 20_000

/** What was read once need not be read again: a number that is committed never changes. */
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

/** The number of a name: the one that is known, or the sequence of the first entry that has it. */
function numbering(known: Numbers): (name: string, entry: Entry) => number {
  const added = new Map<string, number>()
  return (name, { sequence }) => {
    const number = known.get(name) ?? added.get(name)
    if (number === undefined) added.set(name, sequence)
    return number ?? sequence
  }
}

/** The dictionary of these bytes, which is added when there is none yet: whatever was packed with it needs it for ever. */
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

// Stored state of `inOrder` and `once`: how far each sequence has come, and which messages were handled.

import { release } from '../retries/retries.ts'
import { insert, inText, type Reader, type Sql } from '../storage/index.ts'
import type { Change, State } from '../storage/state.ts'

export interface Turn {
  /** The last position that was handled. */
  position: number
  /** When it was handled, RFC 3339. */
  at: string
}

/** The `waitsFor` value of a row that waits until this position of the sequence is handled. */
export const turnOf = (id: string, position: number) => inText(`turn ${position} of ${id}`)

/**
 * The commit that handles a position also makes the rows that wait for it due. `saved` does this after the rows are saved,
 * since a waiting row may have been written in the same group.
 */
export const turns: State<Turn> = {
  name: 'turns',
  async load(sql: Reader, ids) {
    const byId = new Map(ids.map((id) => [inText(id), id]))
    const rows = await sql.all<{ id: string; position: number }>('select id, position from turns where id in each(?)', [
      ...byId.keys(),
    ])
    return new Map(rows.map((row) => [byId.get(row.id) ?? row.id, { position: Number(row.position), at: '' }]))
  },
  save: (tx: Sql, changes: Change<Turn>[]) =>
    insert(
      tx,
      'turns (id, position)',
      changes.map(({ key, after }) => [inText(key), after.position]),
      'on conflict (id) do update set position = excluded.position',
    ),
  saved: (tx: Sql, changes: Change<Turn>[]) =>
    release(
      tx,
      changes.flatMap(({ key, before, after }) => passed(before, after).map((position) => turnOf(key, position))),
      changes.map(({ after }) => after.at).reduce((latest, at) => (at > latest ? at : latest), ''),
    ),
}

/** All positions that this change handled. One group may handle several positions of a key. */
function passed(before: Turn | undefined, { position }: Turn): number[] {
  const from = before?.position ?? 0
  return Array.from({ length: position - from }, (_, index) => from + index + 1)
}

/** When each message was handled, by its id. Rows are never removed, so `once` holds for ever. */
export const handled: State<string> = {
  name: 'handled',
  async load(sql: Reader, ids) {
    const byId = new Map(ids.map((id) => [inText(id), id]))
    const rows = await sql.all<{ id: string; at: string }>('select id, at from handled where id in each(?)', [
      ...byId.keys(),
    ])
    return new Map(rows.map(({ id, at }) => [byId.get(id) ?? id, at]))
  },
  async save(tx: Sql, changes: Change<string>[]) {
    await insert(
      tx,
      'handled (id, at)',
      changes.map(({ key, after }) => [inText(key), after]),
      'on conflict (id) do nothing',
    )
  },
}

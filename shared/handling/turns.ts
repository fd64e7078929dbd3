// What is kept for handlers that need order, or to run once: how far each sequence has come, and what was handled.

import { release } from '../retries/retries.ts'
import { insert, inText, type Reader, type Sql } from '../storage/index.ts'
import type { Change, State } from '../storage/state.ts'

export interface Turn {
  /** The last one that had its turn. */
  position: number
  /** When it had it, RFC 3339. */
  at: string
}

/** What waits until a position of a sequence has had its turn, waits for this. */
export const turnOf = (id: string, position: number) => inText(`turn ${position} of ${id}`)

/**
 * A turn makes due what waits for it, in the same commit: after the rows are saved, since one that waits may have been kept earlier in
 * the same group.
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

/** Each position that has had its turn by this change, since several of one key may be decided in one group. */
function passed(before: Turn | undefined, { position }: Turn): number[] {
  const from = before?.position ?? 0
  return Array.from({ length: position - from }, (_, index) => from + index + 1)
}

/** By message, when it was handled; rows stay, as does the promise. */
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

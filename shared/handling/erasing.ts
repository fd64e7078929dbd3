// Removes deleted keys from the database files and then publishes `keys.forgotten`. All keys that wait at the same time are
// removed together, since one pass over the files serves them all.
//
// Promise: `keys.forgotten` names a person only when no table and no write-ahead log of this service holds a key of that person
// any more. It names them once for each request. Persons still to be named are rows in `erasures`, so a crash loses none.
import { setTimeout as delay } from 'node:timers/promises'
import type { GroupCommit } from '../commit/group-commit.ts'
import type { Work } from '../commit/work.ts'
import { KeysForgotten } from '../contracts/definition/keys.ts'
import { eraseDropped } from '../personal/store.ts'
import type { Vault } from '../personal/vault.ts'
import type { Log } from '../runtime/log.ts'
import { lookEvery } from '../runtime/looks.ts'
import { type Database, insert, type Reader } from '../storage/index.ts'
import { owned, type State } from '../storage/state.ts'

export interface Erasure {
  ownerId: string
  request: string
  /** When true, `save` deletes the row. */
  isSaid: boolean
}

type Owed = Omit<Erasure, 'isSaid'>

export const erasureId = ({ ownerId, request }: Owed) => JSON.stringify([ownerId, request])

export const erasures: State<Erasure> = {
  name: 'erasures',
  async load(sql: Reader, ids) {
    const owners = ids.map((id) => (JSON.parse(id) as [string])[0])
    const rows = await sql.all<Owed>(`${OWED} where owner_id in each(?)`, owners)
    const known = new Map(rows.map((row) => [erasureId(row), { ...row, isSaid: false }]))
    return new Map(ids.flatMap((id) => known.get(id) ?? []).map((one) => [erasureId(one), one]))
  },
  async save(tx, changes) {
    const said = changes.filter(({ after }) => after.isSaid).map(({ after }) => after)
    const owed = changes.filter(({ after }) => !after.isSaid).map(({ after }) => [after.ownerId, after.request])
    await insert(tx, 'erasures (owner_id, request)', owed, 'on conflict (owner_id, request) do nothing')
    for (const request of new Set(said.map((one) => one.request)))
      await tx.run(
        'delete from erasures where request = ? and owner_id in each(?)',
        request,
        said.filter((one) => one.request === request).map(({ ownerId }) => ownerId),
      )
  },
}

const OWED = 'select owner_id as "ownerId", request from erasures'
/** Persons in one message. */
const AT_ONCE = 200
/** An open read keeps the end of the write-ahead log in use. Usually it ends soon. */
const LOOKS_MAX = 50
const LOOK_MS = 50

interface Parts {
  service: string
  database: Database
  commit: Pick<GroupCommit, 'submit'>
  vault: Pick<Vault, 'drop'>
  log: Log
  now: () => Date
}

/** Looks every `everyMs` until it is closed. */
export function startErasing({ service, database, commit, vault, log, now }: Parts, everyMs: number) {
  let closed = false

  async function look(): Promise<void> {
    while (!closed) {
      const owed = await database.all<Owed>(`${OWED} order by owner_id, request limit ${AT_ONCE}`)
      if (owed.length === 0) return
      vault.drop(owed.map(({ ownerId }) => ownerId))
      await untilErased()
      await commit.submit(said(owed))
    }
  }

  async function untilErased(): Promise<void> {
    for (let looks = 1; !(await eraseDropped(database)); looks++) {
      if (looks === LOOKS_MAX) throw new Error('a long read keeps deleted keys in the write-ahead log')
      await delay(LOOK_MS)
    }
  }

  /** Another copy may have published some of them already. */
  function said(owed: readonly Owed[]): Work<void> {
    return {
      reads: () => owed.map((one) => owned(erasures, erasureId(one))),
      decide(draft) {
        const left = owed.filter((one) => draft.get(erasures, erasureId(one)) !== undefined)
        const [first] = left
        if (!first) return { result: undefined, messages: [] }
        for (const one of left) draft.set(erasures, erasureId(one), { ...one, isSaid: true })
        const at = now().toISOString()
        const detail = `${first.ownerId}/${first.request}/${at}`
        return {
          result: undefined,
          messages: [KeysForgotten.of(service, at, { service, forgotten: left }, { detail })],
        }
      },
    }
  }

  const looks = lookEvery(everyMs, look, (err) =>
    log.warn({ err }, 'deleted keys cannot be removed from the files yet'),
  )
  return {
    async close(): Promise<void> {
      closed = true
      await looks.close()
    },
  }
}

// Takes the keys of forgotten customers out of failed messages about keys, so that no key outlives its customer there. The other
// keys in such a message can still be sent again.
//
// Promise: it may be repeated.
import type { Database, Sql } from '@orders/shared/storage'
import { wordsOf } from '../letter.ts'
import { emptied } from '../store.ts'
import { KEYS_ADDED, type KeysLetter, keysLetters, reduce } from './store.ts'

const PAGE = 200

export async function dropKeysOf(database: Database, ownerIds: ReadonlySet<string>): Promise<void> {
  const names = [...ownerIds]
  const holdsAny = (bytes: Buffer | null) => bytes !== null && names.some((ownerId) => bytes.includes(ownerId))
  for (let after = ''; ; ) {
    const found = await keysLetters(database, after, PAGE)
    const last = found.at(-1)
    if (!last) return
    after = last.id
    const holding = found.filter(({ body, original }) => holdsAny(body) || holdsAny(original))
    if (holding.length === 0) continue
    await database.transaction(async (tx) => {
      for (const letter of holding) await dropFrom(tx, letter, ownerIds)
    })
  }
}

function dropFrom(tx: Sql, { id, subject, messageId, code, body }: KeysLetter, ownerIds: ReadonlySet<string>) {
  const rest = without(body, ownerIds)
  if (!rest) return emptied(tx, id, wordsOf([subject, code], Buffer.alloc(0)))
  return reduce(tx, id, rest, wordsOf([KEYS_ADDED, messageId, subject, code], rest))
}

/** Undefined if no other key is left, or if it is no such message. */
function without(body: Buffer, ownerIds: ReadonlySet<string>): Buffer | undefined {
  try {
    const envelope = JSON.parse(body.toString())
    const keys = (envelope.data.keys as { ownerId: string }[]).filter(({ ownerId }) => !ownerIds.has(ownerId))
    return keys.length === 0
      ? undefined
      : Buffer.from(JSON.stringify({ ...envelope, data: { ...envelope.data, keys } }))
  } catch {
    // It cannot be sent again anyway.
    return undefined
  }
}

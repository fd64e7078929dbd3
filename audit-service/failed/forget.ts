// Prepares failed messages before a customer's keys are dropped. A message whose personal data are all encrypted is kept, without
// the text of its error. Any other message about the customer is emptied, so nobody can send it again.
//
// Promise: it may be repeated.
import { registry } from '@orders/shared/contracts'
import { decode, FORGOTTEN, type Forgettable, keyIdsIn } from '@orders/shared/messaging'
import type { Database } from '@orders/shared/storage'
import { dropKeysOf } from './keys/forget.ts'
import { wordsOf } from './letter.ts'
import { emptied, failuresAbout, withoutAccount } from './store.ts'

/** The number of subjects in a statement, and of failures in a transaction. */
const PAGE = 200

export function forgetterOf(database: Database) {
  return async (all: readonly Forgettable[]): Promise<void> => {
    const subjects = [...new Set(all.flatMap((one) => one.subjects))]
    for (let at = 0; at < subjects.length; at += PAGE) await forgetAbout(database, subjects.slice(at, at + PAGE))
    await dropKeysOf(database, new Set(all.map(({ ownerId }) => ownerId)))
  }
}

async function forgetAbout(database: Database, subjects: string[]): Promise<void> {
  for (let after = ''; ; ) {
    const found = await failuresAbout(database, subjects, after, PAGE)
    const last = found.at(-1)
    if (!last) return
    after = last.id
    await database.transaction(async (tx) => {
      for (const { id, type, subject, messageId, code, body, original, properties } of found) {
        const isKept = isEncrypted(body, properties) && (original === null || isEncrypted(original, properties))
        const told = [...(isKept ? [type, messageId] : []), subject, code]
        if (isKept) await withoutAccount(tx, id, wordsOf(told, body))
        else await emptied(tx, id, wordsOf(told, Buffer.alloc(0)))
      }
    })
  }
}

/**
 * Whether the message has a known contract and all its personal data are encrypted, so that nobody can read them without the
 * key.
 */
function isEncrypted(body: Buffer, properties: string): boolean {
  try {
    const arrived = { exchange: '', routingKey: '', redelivered: false, body, properties: JSON.parse(properties) }
    let isPlain = false
    const readable = (text: string, _: string, isOptional: boolean) => {
      if (text !== FORGOTTEN && keyIdsIn(text).length === 0) isPlain = true
      return isOptional ? undefined : FORGOTTEN
    }
    decode(registry, arrived, (personal, { data }) => ({ data: personal.replace(data, readable) }))
    return !isPlain
  } catch {
    // A body that cannot be decoded may contain anything.
    return false
  }
}

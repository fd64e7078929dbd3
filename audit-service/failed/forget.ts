// What audit-service does before it drops a customer's keys: of messages about them that failed it keeps what their keys encrypt, and
// empties what stands in plain text, which nobody can send again then.
//
// Promise: it may be repeated.
import { registry } from '@orders/shared/contracts'
import { decode, FORGOTTEN, type Forgettable, keyIdsIn } from '@orders/shared/messaging'
import type { Database } from '@orders/shared/storage'
import { wordsOf } from './letter.ts'
import { emptied, failuresAbout, withoutAccount } from './store.ts'

/** Subjects of one statement, and failures of one transaction. */
const PAGE = 200

export function forgetterOf(database: Database) {
  return async (all: readonly Forgettable[]): Promise<void> => {
    const subjects = [...new Set(all.flatMap((one) => one.subjects))]
    for (let at = 0; at < subjects.length; at += PAGE) await forgetAbout(database, subjects.slice(at, at + PAGE))
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

/** A message that we know, and whose every text about a person is sealed: nobody can read it without the key. */
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
    // What cannot be understood may say anything.
    return false
  }
}

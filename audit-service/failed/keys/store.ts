// The SQL of failed messages about keys.
import type { Reader, Sql } from '@orders/shared/storage'

export const KEYS_ADDED = 'keys.added'

export interface KeysLetter {
  id: string
  subject: string
  messageId: string
  code: string
  body: Buffer
  original: Buffer | null
}

/** By id. */
export const keysLetters = (sql: Reader, after: string, limit: number) =>
  sql.all<KeysLetter>(
    `select id, subject, message_id as "messageId", code, body, original from failures
     where type = ? and id > ? order by id limit ?`,
    KEYS_ADDED,
    after,
    limit,
  )

/** Its original body goes: it has what was taken out. */
export const reduce = (tx: Sql, id: string, body: Buffer, words: string) =>
  tx.run(
    'update failures set body = ?, original = null, words = ?, revision = revision + 1 where id = ?',
    body,
    words,
    id,
  )

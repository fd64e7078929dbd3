// The SQL of idempotency keys: the notification that each key stands for.
import type { Change, State } from '@orders/shared/messaging'
import { byKey, insert, type Reader, type Sql } from '@orders/shared/storage'

export interface KeyedRequest {
  notificationId: string
  fingerprint: string
}

/** By the key. */
export const keyedRequests: State<KeyedRequest> = { name: 'idempotency keys', load, save }

async function load(sql: Reader, keys: string[]): Promise<Map<string, KeyedRequest>> {
  const rows = await sql.all<KeyedRequest & { key: string }>(
    `select idempotency_key as "key", notification_id as "notificationId", fingerprint from idempotency_keys
     where idempotency_key in each(?)`,
    keys,
  )
  return byKey(
    rows,
    ({ key }) => key,
    ({ notificationId, fingerprint }) => ({ notificationId, fingerprint }),
  )
}

async function save(tx: Sql, changes: Change<KeyedRequest>[]): Promise<void> {
  await insert(
    tx,
    'idempotency_keys (idempotency_key, notification_id, fingerprint)',
    changes.map(({ key, after: { notificationId, fingerprint } }) => [key, notificationId, fingerprint]),
  )
}

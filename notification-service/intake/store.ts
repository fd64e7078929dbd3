// The SQL of requests that may be repeated: which notification each Idempotency-Key stands for.
import type { Sql } from '@orders/shared/storage'

type Reader = Pick<Sql, 'get'>

export async function requestOfKey(
  tx: Reader,
  idempotencyKey: string,
): Promise<{ notificationId: string; fingerprint: string } | undefined> {
  return tx.get<{ notificationId: string; fingerprint: string }>(
    `select notification_id as "notificationId", fingerprint from idempotency_keys where idempotency_key = ?`,
    idempotencyKey,
  )
}

export async function saveKey(
  tx: Sql,
  idempotencyKey: string,
  notificationId: string,
  fingerprint: string,
): Promise<void> {
  await tx.run(
    'insert into idempotency_keys (idempotency_key, notification_id, fingerprint) values (?, ?, ?)',
    idempotencyKey,
    notificationId,
    fingerprint,
  )
}

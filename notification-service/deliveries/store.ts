// The SQL of attempts: calls to providers and their outcomes.
import type { Channel } from '@orders/shared/contracts'
import { insert, type Reader, type Sql, sealable } from '@orders/shared/storage'
import { channelsOf } from '../domain.ts'
import { type Attempt, type Standing, standingOf, type Telling } from './domain.ts'

/** Append-only. */
export async function saveFailures(
  tx: Sql,
  failures: readonly (Attempt & { ownerId: string | undefined })[],
): Promise<void> {
  await insert(
    tx,
    'attempts (notification_id, channel, attempt, at, provider, provider_id, outcome, error, duration_ms)',
    failures.map(({ notificationId, ownerId, channel, attempt, at, provider, providerId, error, durationMs }) => [
      notificationId,
      channel,
      attempt,
      at,
      provider,
      providerId ?? null,
      providerId === undefined ? 'failed' : 'sent',
      sealable(ownerId, error),
      durationMs,
    ]),
  )
}

export interface DeliveryRow extends Omit<Standing, 'durationMs' | 'turnMs' | 'call'> {
  channel: Channel
}

/** One row for each of its channels, tried or not. */
export function deliveriesOf(telling: Telling): DeliveryRow[] {
  return channelsOf(telling.notification).map((channel) => {
    const { durationMs: _, turnMs: __, call: ___, ...standing } = standingOf(telling, channel)
    return { channel, ...standing, digestId: standing.status === 'digested' ? standing.digestId : null }
  })
}

/** The newest only: a dead letter may be replayed any number of times. */
const ATTEMPTS_SHOWN_MAX = 100

export interface AttemptRow {
  channel: Channel
  attempt: number
  at: string
  provider: string
  providerId: string | null
  outcome: 'sent' | 'simulated' | 'failed'
  error: string | null
  durationMs: number
}

/** Sorted by time. The successful call is stored in the delivery's own row, not as an attempt. */
export async function attemptsOf(sql: Reader, telling: Telling): Promise<AttemptRow[]> {
  const newest = await sql.all<AttemptRow>(
    `select channel, attempt, at, provider, provider_id as "providerId", outcome, error, duration_ms as "durationMs"
     from attempts where notification_id = ? order by sequence desc limit ${ATTEMPTS_SHOWN_MAX}`,
    telling.notification.id,
  )
  return [...newest.reverse(), ...successesOf(telling)].sort((one, other) => Date.parse(one.at) - Date.parse(other.at))
}

function successesOf(telling: Telling): AttemptRow[] {
  return channelsOf(telling.notification).flatMap((channel) => {
    const { status, provider, providerId, durationMs, attempts, updatedAt } = standingOf(telling, channel)
    // Without a duration it is from an earlier version, which stored successful calls as attempts.
    if (provider === null || durationMs === null) return []
    const outcome = status === 'simulated' ? status : 'sent'
    return [{ channel, attempt: attempts, at: updatedAt, provider, providerId, outcome, error: null, durationMs }]
  })
}

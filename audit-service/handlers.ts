// Beside every stop of an order: stores every event of every service once, as it was published.
import type { Received } from '@orders/shared/contracts'
import {
  type Arrived,
  decodeEnvelope,
  type Handler,
  owned,
  RECORDED,
  recordedIn,
  seen,
  traceIdOf,
} from '@orders/shared/messaging'
import { PermanentError } from '@orders/shared/runtime'
import { add, identityOf, isRepeat, type Wire } from './domain.ts'
import { marks } from './repair/store.ts'
import { HEAD, type States } from './store.ts'

/**
 * Control characters and lone surrogates. CloudEvents forbids them in attributes, and PostgreSQL cannot store all of them in a
 * text.
 */
const NO_TEXT = /[\p{Cc}\p{Cs}]/u

/**
 * Reads only the envelope, so an event of an unknown type or version is stored like any other.
 *
 * @throws PermanentError what `decodeEnvelope` throws; `not_a_cloudevent`
 */
export function decodeAny(delivery: Arrived): Received<Wire> {
  const event = decodeEnvelope(delivery)
  if (NO_TEXT.test(`${event.id} ${event.source} ${event.type} ${event.subject}`))
    throw new PermanentError(
      'not_a_cloudevent',
      'id, source, type and subject must be texts without control characters',
    )
  const causationId = delivery.properties.headers['causation-id']
  const wire = {
    body: delivery.body.toString('utf8'),
    causationId: typeof causationId === 'string' ? causationId : null,
    traceId: traceIdOf(delivery.properties.headers.traceparent) ?? null,
    recorded: recordedIn(delivery.properties.headers[RECORDED]),
  }
  return { ...event, data: wire }
}

/** A limit, since each repeat of an identity reads all bodies under it. */
export const BODIES_MAX = 16

export function handlers({ log, kept }: Pick<States, 'log' | 'kept'>): Handler[] {
  // Only one group at a time owns the head, so the group that appends knows everything that is stored.
  const keep: Handler<Wire> = {
    type: '*',
    reads: (event) => [
      owned(log, HEAD),
      seen(kept, identityOf(event)),
      ...markOf(event).map(({ key }) => owned(marks, key)),
    ],
    decide(event, draft, { now }) {
      for (const { key, last } of markOf(event)) if ((draft.get(marks, key) ?? -1) < last) draft.set(marks, key, last)
      const before = draft.get(log, HEAD)
      const bodies = draft.get(kept, identityOf(event)) ?? []
      if (!before || bodies.some((body) => isRepeat(body, event.data.body))) return []
      if (bodies.length >= BODIES_MAX)
        throw new PermanentError('too_many_conflicts', `${BODIES_MAX} others are kept under ${event.id}`)
      draft.set(log, HEAD, add(before, event, now, bodies.length > 0))
      return []
    },
  }
  return [keep]
}

function markOf({ data: { recorded } }: Received<Wire>): { key: string; last: number }[] {
  return recorded ? [{ key: `${recorded.service}/${recorded.epoch}`, last: recorded.last }] : []
}

// Beside every stop of an order: whatever is said by anybody is kept, once, as it was said.

import type { Received } from '@orders/shared/contracts'
import type { Delivery, Handler } from '@orders/shared/messaging'
import { decodeEnvelope } from '@orders/shared/messaging'
import { entryAfter, type Wire } from './domain.ts'
import { append, headOf } from './store.ts'

/** Reads only the envelope: an event of a type or version that nobody here knows is kept like any other. */
export function decodeAny(delivery: Delivery): Received<Wire> {
  const causationId = delivery.properties.headers['causation-id']
  const wire = {
    body: delivery.body.toString('utf8'),
    causationId: typeof causationId === 'string' ? causationId : null,
  }
  return { ...decodeEnvelope(delivery), data: wire }
}

const keep: Handler<Wire> = {
  type: '*',
  async handle(event, tx, { now }) {
    const head = await headOf(tx)
    await append(tx, entryAfter(head, event, now))
    return []
  },
}

export const handlers: Handler[] = [keep]

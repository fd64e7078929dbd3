// W3C Trace Context: passed on from message to message, so that any tracing tool can join an order's steps.
import { randomFillSync } from 'node:crypto'

/** As headers bring it, over HTTP or AMQP. */
export interface Trace {
  traceparent?: unknown
  tracestate?: unknown
}

/**
 * Version, trace id, parent id and flags. A later version may say more after a hyphen; what is known of it is read all the
 * same ("Versioning of traceparent"). Ids of zeros are none.
 */
const TRACEPARENT = /^(?!ff)([0-9a-f]{2})-((?!0{32})[0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-([0-9a-f]{2})(-.*)?$/
const TRACESTATE_MAX = 512

/** The headers for the next step: the same trace when there is a valid one, with its state; otherwise a new one. */
export function nextTrace({ traceparent, tracestate }: Trace): { traceparent: string; tracestate?: string } {
  const [, version, traceId, flags, more] = (typeof traceparent === 'string' && TRACEPARENT.exec(traceparent)) || []
  if (traceId === undefined || (version === '00' && more !== undefined)) {
    const random = nextRandom(24)
    return { traceparent: `00-${random.slice(16)}-${random.slice(0, 16)}-01` }
  }
  return {
    traceparent: `00-${traceId}-${nextRandom(8)}-${flags}`,
    ...(isState(tracestate) && { tracestate }),
  }
}

const isState = (state: unknown): state is string =>
  typeof state === 'string' && state.length <= TRACESTATE_MAX && /^[\x20-\x7e]+$/.test(state)

// Drawn in one go for many messages: asking the system for eight bytes costs more than everything else here.
const pool = Buffer.alloc(8_192)
let used = pool.length

function nextRandom(bytes: number): string {
  if (used + bytes > pool.length) {
    randomFillSync(pool)
    used = 0
  }
  used += bytes
  return pool.toString('hex', used - bytes, used)
}

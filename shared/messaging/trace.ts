// W3C Trace Context: passed on from message to message, so that any tracing tool can join an order's steps.
import { randomFillSync } from 'node:crypto'

const TRACEPARENT = /^00-((?!0{32})[0-9a-f]{32})-[0-9a-f]{16}-([0-9a-f]{2})$/

/** A `traceparent` for the next step: the same trace when there is a valid one, otherwise a new one. */
export function nextTraceparent(parent: unknown): string {
  const known = typeof parent === 'string' ? TRACEPARENT.exec(parent) : null
  const random = nextRandom(known ? 8 : 24)
  return known ? `00-${known[1]}-${random}-${known[2]}` : `00-${random.slice(16)}-${random.slice(0, 16)}-01`
}

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

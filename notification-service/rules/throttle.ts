// The throttle: one address is told at most so much in any window of time. What is over has its place in a queue and waits
// for it; a place that comes late, after a standstill, is looked at again, so that what has piled up cannot burst out.

export interface Throttle {
  max: number
  windowMs: number
}

/** What one address was told lately, and when it is to be told more. In ms, the last `max` of each, the newest last. */
export interface Recent {
  sent: number[]
  /** Places in the queue, those of what was sent at once included. */
  places: number[]
}

/** When there is room: now, or later. `hasPlace`: it was given a place, and that time has come. */
export function roomAt({ sent, places }: Recent, throttle: Throttle, nowMs: number, hasPlace: boolean): number {
  const until = (times: number[]) =>
    (times[times.length - throttle.max] ?? Number.NEGATIVE_INFINITY) + throttle.windowMs
  return hasPlace ? Math.max(nowMs, until(sent)) : Math.max(nowMs, until(sent), until(places))
}

/** With one more that is sent at once, or has its place then. */
export function withOne(
  recent: Recent,
  { max }: Throttle,
  nowMs: number,
  at: { roomMs: number; hasPlace: boolean },
): Recent {
  const isSent = at.roomMs <= nowMs
  const isInPlace = isSent && at.hasPlace
  return {
    sent: isSent ? added(recent.sent, nowMs, max) : recent.sent,
    places: isInPlace ? recent.places : added(recent.places, at.roomMs, max),
  }
}

function added(times: number[], time: number, max: number): number[] {
  return [...times, time].sort((one, other) => one - other).slice(-max)
}

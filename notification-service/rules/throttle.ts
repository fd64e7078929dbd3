// The throttle: at most so many messages to one address in any window of time. A message beyond that gets a place in a
// queue and waits for it. If its place comes late, after an outage, the limit is checked again, so that waiting
// messages are not sent in a burst.

export interface Throttle {
  max: number
  windowMs: number
}

/** Recent messages to one address and reserved places: times in ms, at most the last `max` of each, the newest last. */
export interface Recent {
  sent: number[]
  /** Places in the queue, including those of messages that were sent at once. */
  places: number[]
}

/** When there is room, now or later. `hasPlace`: it was given a place before, and the time of that place has come. */
export function roomAt({ sent, places }: Recent, throttle: Throttle, nowMs: number, hasPlace: boolean): number {
  const until = (times: number[]) =>
    (times[times.length - throttle.max] ?? Number.NEGATIVE_INFINITY) + throttle.windowMs
  return hasPlace ? Math.max(nowMs, until(sent)) : Math.max(nowMs, until(sent), until(places))
}

/** With one more message, which is sent now or has its place at `at.roomMs`. */
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

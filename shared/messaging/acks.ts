// Acks in few frames: what one group commit settled is acked together, with `multiple` as far as nothing is missing.

/** `refused`: without going back to its queue. */
export type How = 'alone' | 'and those before' | 'refused'

/**
 * `send` writes one frame. Deliveries acked in one turn of the event loop go at its end: the longest unbroken run from the
 * oldest with a single frame, those behind a slow one each with its own, so that a slow delivery never holds back the
 * others' prefetch.
 */
export function createAcks(send: (deliveryTag: number, how: How) => void) {
  let outstanding: { tag: number; settled: boolean }[] = []
  let scheduled = false

  function flush(): void {
    scheduled = false
    const unsettled = outstanding.findIndex((delivery) => !delivery.settled)
    const run = unsettled === -1 ? outstanding.length : unsettled
    const last = outstanding[run - 1]
    if (last) send(last.tag, run > 1 ? 'and those before' : 'alone')
    const rest = outstanding.slice(run)
    for (const delivery of rest) if (delivery.settled) send(delivery.tag, 'alone')
    outstanding = rest.filter((delivery) => !delivery.settled)
  }

  return {
    /** Notes a delivery as handed out and gives what settles it, one way or the other. */
    add(tag: number) {
      const delivery = { tag, settled: false }
      outstanding.push(delivery)
      return {
        ack(): void {
          delivery.settled = true
          if (scheduled) return
          scheduled = true
          setImmediate(flush)
        },
        refuse(): void {
          outstanding = outstanding.filter((one) => one !== delivery)
          send(tag, 'refused')
        },
      }
    },
  }
}

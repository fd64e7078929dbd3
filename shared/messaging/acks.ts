// Acks deliveries with few frames: those settled by one group commit are acked together, with `multiple` where no gap prevents
// it.

/** `refused`: rejected, without going back to its queue. */
export type How = 'alone' | 'and those before' | 'refused'

/**
 * `send` writes one frame. Deliveries acked in one turn of the event loop are sent at its end. The unbroken run from the oldest
 * delivery takes one frame. Deliveries behind an unsettled one take a frame each, so that a slow delivery never blocks the
 * prefetch of the others.
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
    /** Registers a delivery and returns the functions that settle it. */
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

// Counts, from the newest events, how often each event type was stored lately.
import { useRef } from '/console/packages/preact.js'
import { ask } from '../api.js'
import { usePolled } from './polling.js'

export const BIN_SECONDS = 5
const BINS = 60
const AT_ONCE_MAX = 999
const EVERY_MS = 2_500

/**
 * @typedef {{ newest: number, counts: Map<number, Map<string, number>>, hasMissed: boolean }} Counted By bin, then by type.
 * `hasMissed`: at least once, more events came between two polls than one answer holds.
 */

export function useRates() {
  const counted = useRef(/** @type {Counted} */ ({ newest: 0, counts: new Map(), hasMissed: false }))
  return usePolled(
    async () => {
      const { newest, counts, hasMissed } = counted.current
      const query = `newest=true&limit=${AT_ONCE_MAX}&after=${newest}`
      /** @type {import('./events.js').Page} */
      const { events, next } = await ask(`/audit/events?${query}`)
      for (const { receivedAt, type } of events) {
        const bin = binOf(Date.parse(receivedAt))
        const ofBin = counts.get(bin) ?? new Map()
        counts.set(bin, ofBin.set(type, (ofBin.get(type) ?? 0) + 1))
      }
      const first = binOf(Date.now()) - BINS
      for (const bin of counts.keys()) if (bin < first) counts.delete(bin)
      counted.current = {
        newest: events[0]?.sequence ?? newest,
        counts,
        hasMissed: hasMissed || (newest > 0 && next !== null),
      }
      return { ...counted.current, bins: Array.from({ length: BINS }, (_, index) => first + index) }
    },
    { everyMs: EVERY_MS },
  )
}

/** @type {(ms: number) => number} */
const binOf = (ms) => Math.floor(ms / 1_000 / BIN_SECONDS)

/** @type {(counts: Counted['counts'], bin: number, isWanted: (type: string) => boolean) => number} */
export function countIn(counts, bin, isWanted) {
  let sum = 0
  for (const [type, times] of counts.get(bin) ?? []) if (isWanted(type)) sum += times
  return sum
}

// The spans of late, in memory, for whoever wants to see where an order's time went. They are no part of the audit.
//
// Promise: no more than `max` are held; the oldest traces go first.

export interface Span {
  traceId: string
  id: string
  parentId: string | null
  service: string
  name: string
  /** Since 1970. */
  startMs: number
  durationMs: number
  isFailed: boolean
  /** What it is about, such as an order's id. */
  subject: string | undefined
  /** What it holds together with other work, as a commit does. */
  links: { traceId: string; id: string }[]
}

export interface Traces {
  add(spans: readonly Span[]): void
  /** Every span of each trace in which this was spoken of, and those that are linked to them; the earliest first. */
  about(subject: string): Span[]
}

export function keepTraces(max = 20_000): Traces {
  const traces = new Map<string, Span[]>()
  let count = 0

  function forgetOldest(): void {
    for (const [traceId, spans] of traces) {
      if (count <= max) return
      traces.delete(traceId)
      count -= spans.length
    }
  }

  return {
    add(spans) {
      for (const span of spans) {
        const known = traces.get(span.traceId)
        if (known) known.push(span)
        else traces.set(span.traceId, [span])
      }
      count += spans.length
      forgetOldest()
    },
    about(subject) {
      const own = [...traces.values()].filter((spans) => spans.some((span) => span.subject === subject)).flat()
      const ids = new Set(own.map(({ id }) => id))
      const linked = [...traces.values()].flat().flatMap((span) => {
        const link = ids.has(span.id) ? undefined : span.links.find(({ id }) => ids.has(id))
        return link ? [{ ...span, parentId: link.id }] : []
      })
      return [...own, ...linked].sort((one, other) => one.startMs - other.startMs)
    },
  }
}

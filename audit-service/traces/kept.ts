// Keeps the newest spans in memory, to show where an order's time went. They are not part of the audit log.
//
// Promise: no more than `max` spans are kept; the oldest traces are dropped first.

export interface Span {
  traceId: string
  id: string
  parentId: string | null
  service: string
  name: string
  /** Milliseconds since 1970. */
  startMs: number
  durationMs: number
  isFailed: boolean
  /** The subject of the span, such as an order id. */
  subject: string | undefined
  /** Spans whose work this span does together, as a group commit does. */
  links: { traceId: string; id: string }[]
}

export interface Traces {
  add(spans: readonly Span[]): void
  /** All spans of the traces that mention the subject, and the spans linked to them, sorted by start. */
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

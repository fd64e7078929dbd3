// Shows where an order's time went: each span as a bar, below its parent. Shown only if spans were sent.
import { html } from '/console/packages/preact.js'
import { askIfThere } from '../api.js'
import { counted, duration } from '../words.js'
import { usePolled } from './polling.js'

/**
 * @typedef {{
 *   traceId: string, id: string, parentId: string | null, service: string, name: string,
 *   startMs: number, durationMs: number, isFailed: boolean
 * }} Span
 */

const EVERY_MS = 5_000
/** More than an order has that was retried for hours. */
const SHOWN_MAX = 300
const DEEPEST = 8

/** @param {{ orderId: string }} props */
export function Waterfall({ orderId }) {
  const { answer } = usePolled(() => askIfThere(`/audit/orders/${encodeURIComponent(orderId)}/spans`), {
    key: orderId,
    everyMs: EVERY_MS,
  })
  /** @type {Span[]} */
  const spans = answer?.spans ?? []
  if (spans.length === 0) return null
  const rows = below(spans)
  const startMs = Math.min(...spans.map((span) => span.startMs))
  const wholeMs = Math.max(1, ...spans.map((span) => span.startMs + span.durationMs - startMs))
  return html`<section aria-labelledby="waterfall-title">
    <h2 id="waterfall-title">Where the time went</h2>
    <p class="aside">
      ${counted(spans.length, 'span')} in ${duration(wholeMs)}. Each span is listed below the span that caused it.
      ${rows.length > SHOWN_MAX && ` The first ${SHOWN_MAX} are shown.`}
    </p>
    <table class="list plain waterfall">
      <thead><tr><th scope="col">Span</th><th scope="col" class="wide">Service</th><th scope="col" class="wide">After</th><th scope="col">Took</th><th scope="col" aria-hidden="true"></th></tr></thead>
      <tbody>
        ${rows.slice(0, SHOWN_MAX).map(
          ({ span, depth }) => html`<tr key=${span.id} data-service=${nameOf(span)}>
            <td class="mono" data-depth=${Math.min(depth, DEEPEST)}>${span.name}${span.isFailed && html` <span class="fault">failed</span>`}</td>
            <td class="wide">${nameOf(span)}</td>
            <td class="time wide">${exact(span.startMs - startMs)}</td>
            <td class="time">${exact(span.durationMs)}</td>
            <td class="took"><${Bar} fromMs=${span.startMs - startMs} forMs=${span.durationMs} wholeMs=${wholeMs} isFailed=${span.isFailed} /></td>
          </tr>`,
        )}
      </tbody>
    </table>
  </section>`
}

/** @type {(span: Span) => string} */
const nameOf = ({ service }) => service.replace(/-service$/, '')

/** @type {(ms: number) => string} */
const exact = (ms) => (ms < 10 ? `${ms.toFixed(1)} ms` : duration(ms))

/** @param {{ fromMs: number, forMs: number, wholeMs: number, isFailed: boolean }} props */
function Bar({ fromMs, forMs, wholeMs, isFailed }) {
  const share = (/** @type {number} */ ms) => `${(ms / wholeMs) * 100}%`
  return html`<svg aria-hidden="true">
    <rect class=${isFailed ? 'failed' : ''} x=${share(fromMs)} width=${share(forMs)} y="3" height="8" rx="2" />
  </svg>`
}

/**
 * The spans in tree order: each after its parent, siblings by start. A span without a known parent is a root.
 * @param {Span[]} spans
 */
function below(spans) {
  const known = new Set(spans.map(({ id }) => id))
  /** @type {Map<string | null, Span[]>} */
  const children = new Map()
  for (const span of spans) {
    const parent =
      span.parentId !== null && known.has(span.parentId) && span.parentId !== span.id ? span.parentId : null
    children.set(parent, [...(children.get(parent) ?? []), span])
  }
  /** @type {{ span: Span, depth: number }[]} */
  const rows = []
  const walk = (/** @type {string | null} */ parent, /** @type {number} */ depth) => {
    for (const span of children.get(parent) ?? []) {
      rows.push({ span, depth })
      walk(span.id, depth + 1)
    }
  }
  walk(null, 0)
  return rows
}

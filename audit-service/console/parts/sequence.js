// Draws a story across the services: a dot on the lane of the service that published the event, a ring on the lane of each that
// handles it.
import { html, useEffect, useState } from '/console/packages/preact.js'
import { ask, post } from '../api.js'
import { count, duration, queryOf } from '../words.js'
import { Body } from './body.js'
import { domain, typeOf } from './domain.js'
import { Moment } from './show.js'

/** @typedef {{ id: string, time: string, afterMs: number, service: string, type: string, sentence: string }} Entry */
/**
 * @typedef {{
 *   missing: string[], after: string | null, since: string, sinceMs: number,
 *   status: 'held' | 'waiting' | 'missing' | 'failed', overdueAt: string, held?: { until: string, because: string }
 * }} Gap
 */
/** @typedef {import('./events.js').Kept} Kept */

const PAUSE_FROM_MS = 1_000
const BODIES_MAX = 999

/** @type {(service: string) => string} */
const across = (service) => `${((domain.services.indexOf(service) + 0.5) / domain.services.length) * 100}%`

/** @param {{ from: string, to: readonly string[], isGap?: boolean }} props */
function Lanes({ from, to, isGap = false }) {
  const known = [from, ...to].filter((service) => domain.services.includes(service))
  const places = known.map((service) => domain.services.indexOf(service))
  const end = (/** @type {number} */ place) => across(domain.services[place] ?? '')
  return html`<span class="lanes"><svg aria-hidden="true">
    ${domain.services.map((service) => html`<line class="lane" key=${service} x1=${across(service)} x2=${across(service)} y1="0" y2="100%" />`)}
    ${places.length > 1 && html`<line class="reach" x1=${end(Math.min(...places))} x2=${end(Math.max(...places))} y1="14" y2="14" />`}
    ${to.map((service) => html`<circle class="hears" key=${service} data-service=${service} cx=${across(service)} cy="14" r="3.5" />`)}
    ${places.length > 0 && html`<circle class=${isGap ? 'late' : 'says'} data-service=${from} cx=${across(from)} cy="14" r="5.5" />`}
  </svg></span>`
}

/** @param {{ orderId: string, entries: Entry[], gaps: Gap[] }} props */
export function Sequence({ orderId, entries, gaps }) {
  return html`<div class="sequence">
    <p class="lane-names" aria-hidden="true">
      ${domain.services.map((service) => html`<span key=${service} data-service=${service}>${service}</span>`)}
    </p>
    <ol aria-label="What happened">
      ${entries.map((entry, index) => {
        const pauseMs = entry.afterMs - (entries[index - 1]?.afterMs ?? 0)
        return html`<li key=${entry.id} data-service=${entry.service}>
          ${pauseMs >= PAUSE_FROM_MS && html`<p class="pause">${duration(pauseMs)} later</p>`}
          <${Step} orderId=${orderId} entry=${entry} />
        </li>`
      })}
    </ol>
    ${gaps.length > 0 && html`<ol aria-label="What should still happen">${gaps.map((gap) => html`<${Missing} key=${`${gap.after} ${gap.missing}`} gap=${gap} />`)}</ol>`}
  </div>`
}

/** @param {{ orderId: string, entry: Entry }} props */
function Step({ orderId, entry: { id, time, afterMs, service, type, sentence } }) {
  const [isOpen, setOpen] = useState(false)
  const hearers = (typeOf(type)?.heardBy ?? []).filter((hearer) => hearer !== service)
  return html`<details onToggle=${(/** @type {Event} */ { currentTarget }) => setOpen(/** @type {HTMLDetailsElement} */ (currentTarget).open)}>
    <summary class="step">
      <span class="after" title=${time}>+${duration(afterMs)}</span>
      <${Lanes} from=${service} to=${hearers} />
      <span class="what">
        <span class="said">${sentence}</span>
        <span class="meta"><b>${service}</b> ${type}${hearers.length > 0 && html` · heard by ${hearers.join(', ')}`}</span>
      </span>
    </summary>
    ${isOpen && html`<${Message} orderId=${orderId} id=${id} time=${time} />`}
  </details>`
}

/** The event itself, loaded when it is opened. @param {{ orderId: string, id: string, time: string }} props */
function Message({ orderId, id, time }) {
  const [found, setFound] = useState(/** @type {Kept | 'asking' | 'no answer' | undefined} */ ('asking'))
  useEffect(() => {
    messagesOf(orderId).then(
      (events) => setFound(events.find((event) => event.id === id)),
      () => setFound('no answer'),
    )
  }, [])
  if (found === 'asking') return html`<p class="message aside">Loading …</p>`
  if (found === 'no answer') return html`<p class="message fault">No answer. Close this event and open it again.</p>`
  if (!found) return html`<p class="message aside">This event is not among the order’s first ${BODIES_MAX} events.</p>`
  const { sequence, causationId, traceId, event } = found
  const look = async (/** @type {import('./act.js').Given} */ { operator, reason }) => {
    const looked = await post(`/audit/events/${sequence}/look`, { operator, reason })
    return JSON.stringify(looked.event)
  }
  return html`<div class="message">
    <p class="meta">
      <${Moment} at=${time} /> · entry no. ${count(sequence)}${causationId && html` · caused by <span class="mono">${causationId}</span>`}${traceId && html` · trace <span class="mono">${traceId}</span>`}
    </p>
    <${Body} text=${JSON.stringify(event)} look=${look} />
  </div>`
}

/** @type {(orderId: string) => Promise<Kept[]>} */
async function messagesOf(orderId) {
  const { events } = await ask(`/audit/events?${queryOf({ orderId, limit: BODIES_MAX })}`)
  return events
}

/** The rule that holds a notification, in words. @type {Record<string, string | undefined>} */
const HOLDS = {
  quiet_hours: 'the customer’s quiet hours',
  digest: 'waits for a digest',
  throttled: 'the throttle',
}
const WORDS = { missing: 'Missing: ', waiting: 'Waiting for ', held: 'Held: ', failed: 'Failed; send again: ' }

/** @param {{ gap: Gap }} props */
function Missing({ gap: { missing, after, sinceMs, status, held } }) {
  const place = after === null ? 'should be the first event' : `should follow ${after}`
  const service = missing[0]?.split('.')[0] ?? ''
  return html`<li class="gap" data-status=${status}>
    <div class="step">
      <span class="after">${sinceMs > 0 && duration(sinceMs)}</span>
      <${Lanes} from=${service} to=${[]} isGap />
      <span class="what">
        <span class="said">${WORDS[status]}${missing.join(' or ')}</span>
        <span class="meta">
          ${
            held && status === 'held'
              ? html`until <${Moment} at=${held.until} />: ${HOLDS[held.because] ?? held.because}`
              : `${place}${sinceMs === 0 ? '; not overdue yet' : ''}`
          }
        </span>
      </span>
    </div>
  </li>`
}

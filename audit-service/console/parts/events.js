// The list of the newest events, filtered and updated, with older ones on demand.
import { html, useRef, useState } from '/console/packages/preact.js'
import { ask, Refused } from '../api.js'
import { linkToOrder, queryOf, serviceOf, zone } from '../words.js'
import { domain } from './domain.js'
import { usePolled } from './polling.js'
import { Moment, OrderLink, Service } from './show.js'

/**
 * @typedef {{
 *   sequence: number, id: string, type: string, subject: string, source: string, time: string, receivedAt: string,
 *   causationId: string | null, traceId: string | null, hash?: string, conflict: boolean, sentence: string, event: unknown, ofCustomer?: boolean
 * }} Kept
 */
/** @typedef {{ events: Kept[], next: number | null, kept: number }} Page */

const PAGE = 100
const ROWS_MAX = 500
const EVERY_MS = 2_000
const speakers = domain.services.filter((service) => domain.types.some((known) => known.service === service))

/** @type {(query: string) => Promise<Page>} */
const askForEvents = (query) => ask(`/audit/events?newest=true&limit=${PAGE}&${query}`)

/** Asks only for events newer than the newest in the list: while nothing happens, an answer has a few bytes. */
function useEvents(/** @type {string} */ query, /** @type {boolean} */ isPaused) {
  const list = useRef({
    query,
    rows: /** @type {Kept[]} */ ([]),
    oldest: /** @type {number | null} */ (null),
    kept: 0,
    isLooked: false,
  })
  if (list.current.query !== query) list.current = { ...list.current, query, rows: [], oldest: null, isLooked: false }

  async function load() {
    const mine = list.current
    if (isPaused && mine.isLooked) return mine
    const newest = mine.rows[0]?.sequence ?? 0
    const { events, next, kept } = await askForEvents(`after=${newest}&${query}`)
    if (mine !== list.current) return list.current
    // A log that got shorter is another log. After too many new events for one answer, the list starts again, so that it has no
    // hole.
    const isAnew = newest === 0 || kept < newest || next !== null
    const rows = (kept < newest ? [] : [...events, ...(isAnew ? [] : mine.rows)]).slice(0, ROWS_MAX)
    const oldest = isAnew ? next : rows.length === ROWS_MAX ? (rows.at(-1)?.sequence ?? null) : mine.oldest
    list.current = { query, rows, oldest, kept, isLooked: true }
    return list.current
  }
  async function loadOlder() {
    const mine = list.current
    const { events, next } = await askForEvents(`before=${mine.oldest}&${query}`)
    if (mine === list.current) list.current = { ...mine, rows: [...mine.rows, ...events], oldest: next }
  }
  const { fault, again } = usePolled(load, { key: query, everyMs: EVERY_MS })
  return { ...list.current, fault, again, loadOlder }
}

export function Events() {
  const [filter, setFilter] = useState({ service: '', type: '', orderId: '' })
  const [isPaused, setPaused] = useState(false)
  const query = queryOf({ ...filter, orderId: filter.orderId.trim() })
  const { rows, oldest, kept, isLooked, fault, again, loadOlder } = useEvents(query, isPaused)
  const isRefused = fault instanceof Refused && fault.status === 400
  const state = fault !== undefined && !isRefused ? 'away' : isPaused ? 'paused' : 'live'

  /** @param {Event} changed */
  function change({ currentTarget }) {
    const { service, type, orderId } = Object.fromEntries(new FormData(/** @type {HTMLFormElement} */ (currentTarget)))
    const fits = service === '' || String(type).startsWith(`${service}.`)
    setFilter({ service: String(service), type: fits ? String(type) : '', orderId: String(orderId) })
  }
  async function older() {
    // New events must not move the list while the user reads older ones.
    setPaused(true)
    await loadOlder().catch(() => {})
    again()
  }

  return html`<section class="events" aria-labelledby="events-title">
    <header>
      <h2 id="events-title">Newest events</h2>
      <button class="live" type="button" data-state=${state} aria-pressed=${!isPaused} onClick=${() => setPaused(!isPaused)}>
        ${{ away: 'No answer, trying again', paused: 'Paused', live: 'Live' }[state]}
      </button>
    </header>
    <form class="filters" aria-label="Filter the events" onInput=${change} onSubmit=${(/** @type {Event} */ submitted) => submitted.preventDefault()}>
      <label><span>Service</span>
        <select name="service" value=${filter.service}>
          <option value="">Every service</option>
          ${speakers.map((service) => html`<option key=${service}>${service}</option>`)}
        </select>
      </label>
      <label><span>Type</span>
        <select name="type" value=${filter.type}>
          <option value="">Every type</option>
          ${domain.types
            .filter(({ service }) => filter.service === '' || service === filter.service)
            .map(({ type }) => html`<option key=${type}>${type}</option>`)}
        </select>
      </label>
      <label><span>Order</span>
        <input name="orderId" value=${filter.orderId} maxlength="100" autocomplete="off" spellcheck="false" />
      </label>
    </form>
    ${isRefused && html`<p class="fault" role="alert">An order id consists of letters, digits, dots, dashes and underscores.</p>`}
    ${rows.length > 0 && html`<${EventTable} rows=${rows} />`}
    ${oldest !== null && html`<p class="more"><button type="button" onClick=${older}>Show older events</button></p>`}
    ${isLooked && !isRefused && rows.length === 0 && html`<${Nothing} kept=${kept} />`}
  </section>`
}

/** @param {{ rows: Kept[] }} props */
export function EventTable({ rows }) {
  /** @param {MouseEvent} clicked */
  function open({ target, currentTarget }) {
    const row = /** @type {HTMLElement} */ (currentTarget)
    // A click that ends a text selection must not open the order.
    if (target instanceof Element && !target.closest('a') && String(getSelection()) === '')
      location.hash = linkToOrder(row.dataset.order ?? '')
  }
  return html`<table class="list">
    <thead>
      <tr>
        <th scope="col">Time (${zone})</th>
        <th scope="col">Service</th>
        <th scope="col">What happened</th>
        <th scope="col" class="wide">Type</th>
        <th scope="col">Order</th>
      </tr>
    </thead>
    <tbody>
      ${rows.map(
        ({
          sequence,
          time,
          source,
          type,
          subject,
          sentence,
        }) => html`<tr key=${sequence} data-order=${subject} onClick=${open}>
          <td class="time"><${Moment} at=${time} /></td>
          <td class="service"><${Service} service=${serviceOf(source)} /></td>
          <td class="said">${sentence}</td>
          <td class="wide mono">${type}</td>
          <td class="order"><${OrderLink} orderId=${subject} /></td>
        </tr>`,
      )}
    </tbody>
  </table>`
}

/** @param {{ kept: number }} props */
function Nothing({ kept }) {
  if (kept > 0) return html`<p class="aside">No event matches this filter. Matching events will appear here.</p>`
  return html`<div class="aside">
    <p>There are no events yet. Place the first order and watch six services handle it:</p>
    <pre tabindex="0" role="group" aria-label="Command">${firstOrder()}</pre>
  </div>`
}

function firstOrder() {
  const body = JSON.stringify({ orderId: '123', user: 'gayal', items: ['item1', 'item2'] })
  return `curl -X POST ${urlOf('order')}/orders \\\n  -H 'Content-Type: application/json' \\\n  -d '${body}'`
}

/** The services use neighbouring ports, unless a proxy is between. @type {(service: string) => string} */
export function urlOf(service) {
  const port = Number(location.port) - domain.services.indexOf('audit') + domain.services.indexOf(service)
  return port > 0
    ? `http://${location.hostname}:${port}`
    : `http://localhost:${8080 + domain.services.indexOf(service)}`
}

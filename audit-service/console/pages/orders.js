// The page that finds orders by id or start of an id, customer, event and age. It searches the newest events.
import { html, useState } from '/console/packages/preact.js'
import { ask } from '../api.js'
import { domain } from '../parts/domain.js'
import { Fault, Moment, OrderLink } from '../parts/show.js'
import { count, counted, queryOf, zone } from '../words.js'

/** @typedef {import('../parts/events.js').Kept} Kept */

const AT_ONCE = 500
const HOUR_MS = 3_600_000
/** Every order has this event, so a search for any order goes through these. */
const FIRST = 'order.created'
const AGES = {
  'At any time': 0,
  'In the last hour': HOUR_MS,
  'In the last day': 24 * HOUR_MS,
  'In the last week': 168 * HOUR_MS,
}
const happenings = domain.types.filter(({ service }) => service !== 'notification').map(({ type }) => type)

/** @typedef {{ text: string, type: string, sinceMs: number }} Wanted */
/** @typedef {{ rows: Kept[], looked: number, next: number | null, wanted: Wanted }} Found */

export function Orders() {
  const [found, setFound] = useState(/** @type {Found | undefined} */ (undefined))
  const [fault, setFault] = useState(/** @type {unknown} */ (undefined))
  const [isUnderWay, setUnderWay] = useState(false)

  /** @param {Wanted} wanted @param {Found} [before] */
  async function look(wanted, before) {
    setUnderWay(true)
    try {
      const { events, next } = /** @type {import('../parts/events.js').Page} */ (
        await ask(
          `/audit/events?${queryOf({ newest: 'true', limit: AT_ONCE, type: wanted.type, customer: wanted.text, before: before?.next ?? undefined })}`,
        )
      )
      const isOld = wanted.sinceMs > 0 && events.some(({ time }) => Date.parse(time) < wanted.sinceMs)
      setFound({
        rows: [...(before?.rows ?? []), ...events.filter((event) => fits(event, wanted))],
        looked: (before?.looked ?? 0) + events.length,
        next: isOld ? null : next,
        wanted,
      })
      setFault(undefined)
    } catch (refused) {
      setFault(refused)
    }
    setUnderWay(false)
  }
  /** @param {SubmitEvent} submitted */
  function submit(submitted) {
    submitted.preventDefault()
    const { text, type, age } = Object.fromEntries(
      new FormData(/** @type {HTMLFormElement} */ (submitted.currentTarget)),
    )
    const ageMs = Number(age)
    look({ text: String(text).trim().toLowerCase(), type: String(type), sinceMs: ageMs === 0 ? 0 : Date.now() - ageMs })
  }

  return html`
    <h1 tabindex="-1">Orders</h1>
    <form class="filters" role="search" aria-label="Find orders" onSubmit=${submit}>
      <label><span>Order id, start of an id, or customer</span><input name="text" maxlength="200" autocomplete="off" spellcheck="false" /></label>
      <label><span>What happened</span>
        <select name="type">${happenings.map((type) => html`<option key=${type} value=${type} selected=${type === FIRST}>${type}</option>`)}</select>
      </label>
      <label><span>When</span>
        <select name="age">${Object.entries(AGES).map(([words, ms]) => html`<option key=${ms} value=${ms}>${words}</option>`)}</select>
      </label>
      <button class="main" type="submit" disabled=${isUnderWay}>Find</button>
    </form>
    <p class="aside">
      To open an order whose whole id you know, use the field at the top of the page. This search goes through the newest orders,
      ${count(AT_ONCE)} at a time. It finds a customer by the whole name or pseudonym, but not by e-mail address or phone number:
      order-service and notification-service know these.
    </p>
    <${Fault} of=${fault} />
    <div role="status">${found && html`<p class="lead">${sentenceOf(found)}</p>`}</div>
    ${found && found.rows.length > 0 && html`<${OrderTable} rows=${found.rows} />`}
    ${found && found.next !== null && html`<p class="more"><button type="button" disabled=${isUnderWay} onClick=${() => look(found.wanted, found)}>Search ${count(AT_ONCE)} older orders</button></p>`}
  `
}

/** @type {(found: Found) => string} */
const sentenceOf = ({ rows, looked, next }) =>
  `${counted(rows.length, 'order')} found among ${next === null ? 'all' : 'the newest'} ${count(looked)}.`

/** @type {(event: Kept, wanted: Wanted) => boolean} */
function fits({ subject, time, ofCustomer }, { text, sinceMs }) {
  const isNamed = subject.toLowerCase().startsWith(text) || ofCustomer === true
  return isNamed && (sinceMs === 0 || Date.parse(time) >= sinceMs)
}

/** @param {{ rows: Kept[] }} props */
function OrderTable({ rows }) {
  return html`<table class="list plain">
    <thead><tr><th scope="col">Order</th>
            <th scope="col">What happened</th>
            <th scope="col">When (${zone})</th></tr></thead>
    <tbody>
      ${rows.map(
        ({ sequence, subject, sentence, time }) => html`<tr key=${sequence}>
          <td><${OrderLink} orderId=${subject} /></td>
          <td>${sentence}</td>
          <td class="time"><${Moment} at=${time} /></td>
        </tr>`,
      )}
    </tbody>
  </table>`
}

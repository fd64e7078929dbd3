// The page of failed messages: by cause, with what can be done to all of a cause; and the messages of one cause or search.
import { html, useState } from '/console/packages/preact.js'
import { ask, askIfThere, post } from '../api.js'
import { Act } from '../parts/act.js'
import { usePolled } from '../parts/polling.js'
import { Rehearse } from '../parts/rehearse.js'
import { Age, Badge, Fault, Moment, NotAvailable, OrderLink, Scrolling } from '../parts/show.js'
import { count, counted, queryOf, zone } from '../words.js'

/**
 * @typedef {{
 *   fingerprint: string, count: number, oldest: string, newest: string, example: string, queue: string,
 *   service: string, type: string, code: string, reason: string, place: string, sentBy?: string, nextStep?: string
 * }} Cause
 */
/** @typedef {{ groups: Cause[], areAll: boolean, missingQueues: string[] }} Groups */
/** @typedef {'waiting' | 'sending' | 'sent_again' | 'archived'} State */
/**
 * @typedef {{
 *   id: string, state: State, queue: string, service: string, version: string, type: string, subject: string,
 *   messageId: string, code: string, reason: string, place: string, fingerprint: string, attempts: number,
 *   firstAt: string, failedAt: string, sentAgainOf: string | null, resendId: string | null
 * }} Summary
 */
/** @typedef {{ failed: Summary[], next: string | null }} FailedPage */

export const STATES = { waiting: 'waiting', sending: 'being sent', sent_again: 'sent again', archived: 'archived' }
const PAGE = 50

/** @param {{ query: URLSearchParams }} props */
export function Failed({ query }) {
  const fingerprint = query.get('fingerprint') ?? ''
  const { answer, fault, again } = usePolled(() =>
    askIfThere('/failed/groups').then((groups) => ({ groups: /** @type {Groups | undefined} */ (groups) })),
  )
  const groups = answer?.groups?.groups ?? []
  const chosen = groups.find((group) => group.fingerprint === fingerprint)
  return html`
    <h1 tabindex="-1">Failed messages</h1>
    <p class="lead">
      audit-service moves each dead letter from its queue into this store, so the dead-letter queues are empty. No message is lost.${' '}
      <a href="#/failed/replays">Replays</a>
    </p>
    <${Fault} of=${fault} />
    ${answer && !answer.groups && html`<${NotAvailable} what="a store of failed messages" />`}
    ${
      answer?.groups &&
      html`
        <${Causes} groups=${groups} areAll=${answer.groups.areAll} chosen=${fingerprint} />
        ${chosen && html`<${Cure} key=${fingerprint} cause=${chosen} again=${again} />`}
        <${Messages} key=${`messages ${fingerprint}`} fingerprint=${fingerprint} />
      `
    }
  `
}

/** @param {{ groups: Cause[], areAll: boolean, chosen: string }} props */
function Causes({ groups, areAll, chosen }) {
  if (groups.length === 0) return html`<p class="aside">No failed message is waiting.</p>`
  return html`<section aria-labelledby="causes-title">
    <h2 id="causes-title">By cause</h2>
    <${Scrolling} label="Causes">
      <table class="list plain">
        <thead>
          <tr><th scope="col" class="number">Waiting</th>
            <th scope="col">Cause</th>
            <th scope="col">Queue</th>
            <th scope="col">Type</th>
            <th scope="col">Oldest</th>
            <th scope="col">Newest</th></tr>
        </thead>
        <tbody>
          ${groups.map(
            (
              cause,
            ) => html`<tr key=${cause.fingerprint} aria-current=${cause.fingerprint === chosen ? 'true' : undefined}>
              <td class="number"><strong>${count(cause.count)}</strong></td>
              <td><a href=${`#/failed?${queryOf({ fingerprint: cause.fingerprint })}`}>${cause.reason || cause.code}</a>
                <span class="meta">${cause.code}${cause.place && ` in ${cause.place}`}</span></td>
              <td class="mono">${cause.queue}</td>
              <td class="mono">${cause.type || '–'}${cause.sentBy && html`<span class="meta">from ${cause.sentBy}</span>`}</td>
              <td><${Age} since=${cause.oldest} /></td>
              <td><${Age} since=${cause.newest} /></td>
            </tr>`,
          )}
        </tbody>
      </table>
    <//>
    ${!areAll && html`<p class="aside">Only the most frequent causes are listed.</p>`}
  </section>`
}

/** What can be done to all messages of one cause. @param {{ cause: Cause, again: () => void }} props */
function Cure({ cause: { fingerprint, count: all, reason, code, example, nextStep }, again }) {
  const filter = { fingerprint }
  return html`<section class="panel" aria-labelledby="cure-title">
    <h2 id="cure-title">${count(all)} × ${reason || code}</h2>
    ${nextStep && html`<p class="next">${nextStep}</p>`}
    <p>Open <a href=${`#/failed/${example}`}>one of them</a> for its body, stack trace and attempts.</p>
    <div class="actions">
      <${Rehearse} id=${example} open="Rehearse one" />
      <${SendAgain} selection=${{ filter }} all=${all} />
      <${Act}
        isQuiet
        open="Archive all …"
        does=${`Archive ${counted(all, 'message')}`}
        explains="Do this if they need no action. They are kept, and you can still send them again."
        run=${async (/** @type {import('../parts/act.js').Given} */ { operator, reason: why }) => {
          const { archived } = await post('/failed/archive', { filter, expected: all, operator, reason: why })
          again()
          return `${counted(archived, 'message')} archived.`
        }}
      />
    </div>
  </section>`
}

/** @param {{ selection: { ids: string[] } | { filter: object }, all: number }} props */
export function SendAgain({ selection, all }) {
  return html`<${Act}
    open=${all === 1 ? 'Send again …' : 'Send all again …'}
    does=${`Send ${counted(all, 'message')} again`}
    explains="Sends in steps, each ten times as large as the one before. Stops by itself if a message fails again."
    run=${async (/** @type {import('../parts/act.js').Given} */ { operator, reason, fields }) => {
      const steps = all === 1 ? {} : { canary: Number(fields.get('canary')), ratePerSecond: Number(fields.get('rate')) }
      const { id } = await post('/replays', { ...selection, expected: all, operator, reason, ...steps })
      location.hash = `#/failed/replays/${id}`
      return 'Started.'
    }}
  >
    ${
      all > 1 &&
      html`<div class="pair">
        <label>Messages in the first step <input name="canary" type="number" min="1" max="100000" value="1" required /></label>
        <label>Messages per second, at most <input name="rate" type="number" min="1" max="1000" value="100" required /></label>
      </div>`
    }
  <//>`
}

/** @param {{ fingerprint: string }} props */
function Messages({ fingerprint }) {
  const [wanted, setWanted] = useState({ subject: '', queue: '', text: '', state: 'waiting' })
  const [earlier, setEarlier] = useState({
    query: '',
    rows: /** @type {Summary[]} */ ([]),
    next: /** @type {string | null} */ (null),
  })
  const query = queryOf({ ...wanted, fingerprint, limit: PAGE })
  const { answer, fault } = usePolled(() => ask(`/failed?${query}`), { key: query })
  const page = /** @type {FailedPage | undefined} */ (answer)
  const more = earlier.query === query ? earlier : { rows: [], next: page?.next ?? null }
  const rows = [...(page?.failed ?? []), ...more.rows]

  async function older() {
    /** @type {FailedPage} */
    const found = await ask(`/failed?${query}&${queryOf({ after: more.next ?? '' })}`)
    setEarlier({ query, rows: [...more.rows, ...found.failed], next: found.next })
  }
  const change = (/** @type {Event} */ { currentTarget }) =>
    setWanted(
      /** @type {typeof wanted} */ (Object.fromEntries(new FormData(/** @type {HTMLFormElement} */ (currentTarget)))),
    )

  return html`<section aria-labelledby="messages-title">
    <h2 id="messages-title">${fingerprint === '' ? 'All messages' : 'Messages of this cause'}</h2>
    ${fingerprint !== '' && html`<p><a href="#/failed">Show the messages of all causes</a></p>`}
    <form class="filters" aria-label="Filter the messages" onInput=${change} onSubmit=${(/** @type {Event} */ submitted) => submitted.preventDefault()}>
      <label><span>Order</span><input name="subject" maxlength="100" autocomplete="off" spellcheck="false" /></label>
      <label><span>Queue</span><input name="queue" maxlength="100" autocomplete="off" spellcheck="false" /></label>
      <label><span>Text</span><input name="text" maxlength="200" autocomplete="off" spellcheck="false" /></label>
      <label><span>State</span>
        <select name="state">
          ${Object.entries(STATES).map(([state, words]) => html`<option key=${state} value=${state}>${words}</option>`)}
          <option value="any">any</option>
        </select>
      </label>
    </form>
    <${Fault} of=${fault} />
    ${page && rows.length === 0 && html`<p class="aside">No message matches.</p>`}
    ${rows.length > 0 && html`<${MessageTable} rows=${rows} />`}
    ${more.next !== null && html`<p class="more"><button type="button" onClick=${older}>Show older messages</button></p>`}
  </section>`
}

/** @param {{ rows: Summary[] }} props */
export function MessageTable({ rows }) {
  return html`<${Scrolling} label="Failed messages">
    <table class="list plain">
      <thead>
        <tr><th scope="col">Failed at (${zone})</th>
            <th scope="col">Message</th>
            <th scope="col">Reason</th>
            <th scope="col">Queue</th>
            <th scope="col">Order</th>
            <th scope="col">State</th></tr>
      </thead>
      <tbody>
        ${rows.map(
          ({ id, failedAt, type, messageId, reason, code, queue, subject, state }) => html`<tr key=${id}>
            <td class="time"><${Moment} at=${failedAt} /></td>
            <td><a class="mono" href=${`#/failed/${id}`}>${type || messageId || id.slice(0, 8)}</a></td>
            <td>${reason || code}</td>
            <td class="mono">${queue}</td>
            <td>${subject !== '' && html`<${OrderLink} orderId=${subject} />`}</td>
            <td><${Badge} tone=${state === 'waiting' ? 'bad' : 'plain'}>${STATES[state]}<//></td>
          </tr>`,
        )}
      </tbody>
    </table>
  <//>`
}

// The page of one failed message: what failed, where, why and how often, its content, and what to do next.
import { html, useState } from '/console/packages/preact.js'
import { ask, post, Refused } from '../api.js'
import { Act } from '../parts/act.js'
import { Body } from '../parts/body.js'
import { usePolled } from '../parts/polling.js'
import { Rehearse } from '../parts/rehearse.js'
import { Badge, Fault, Moment, OrderLink } from '../parts/show.js'
import { count, queryOf } from '../words.js'
import { MessageTable, SendAgain, STATES } from './failed.js'

/** @typedef {{ text: string } | { base64: string }} Bytes */
/**
 * @typedef {import('./failed.js').Summary & {
 *   home: string | null, exchange: string, routingKey: string, stack: string, keptAt: string, revision: number,
 *   history: Attempt[], properties: object, body: Bytes, original: Bytes | null,
 *   failures: import('./failed.js').Summary[], sentBy?: string, nextStep: string
 * }} Failure
 */
/** @typedef {{ at: string, attempt: number, error: string }} Attempt */
/** @typedef {import('../parts/act.js').Given} Given */

/** @param {{ id: string }} props */
export function Letter({ id }) {
  const { answer, fault, again } = usePolled(() => ask(`/failed/${id}`), { key: id })
  const failure = /** @type {Failure | undefined} */ (answer)
  if (!failure) return html`<h1 tabindex="-1">Failed message</h1><${Unknown} fault=${fault} />`
  const {
    state,
    type,
    queue,
    home,
    service,
    version,
    subject,
    messageId,
    code,
    reason,
    place,
    stack,
    attempts,
    firstAt,
    failedAt,
    keptAt,
    exchange,
    routingKey,
    fingerprint,
  } = failure
  const facts = [
    ['State', html`<${Badge} tone=${state === 'waiting' ? 'bad' : 'plain'}>${STATES[state]}<//>`],
    ['Order', subject === '' ? 'none' : html`<${OrderLink} orderId=${subject} />`],
    ['Given up by', `${service || 'the broker'}${version && `, version ${version}`}`],
    [
      'Delivered to',
      html`<span class="mono">${home ?? 'no queue'}</span>, then moved to <span class="mono">${queue}</span>`,
    ],
    [
      'Last published to',
      html`<span class="mono">${exchange || 'the default exchange'}</span> with the routing key <span class="mono">${routingKey}</span>`,
    ],
    ['Attempts', count(attempts)],
    [
      'Failed at',
      html`<${Moment} at=${failedAt} />, first at <${Moment} at=${firstAt} />, stored at <${Moment} at=${keptAt} />`,
    ],
    ['Published by', failure.sentBy || 'unknown'],
    ['Message id', html`<span class="mono">${messageId || 'none'}</span>`],
  ]
  return html`
    <p class="crumbs"><a href="#/failed">Failed messages</a> › <a href=${`#/failed?${queryOf({ fingerprint })}`}>${code}</a></p>
    <h1 tabindex="-1">${type || 'Message of unknown type'}</h1>
    <p class="headline" data-tone=${state === 'waiting' ? 'bad' : 'plain'}><strong>${reason || code}</strong>${place && ` in ${place}`}</p>
    <p class="next">${failure.nextStep}</p>
    <${Fault} of=${fault} />
    <${Actions} failure=${failure} again=${again} />
    <dl class="facts">${facts.map(([name, value]) => html`<div key=${name}><dt>${name}</dt><dd>${value}</dd></div>`)}</dl>
    <section aria-labelledby="body-title">
      <h2 id="body-title">Body</h2>
      <${Body} text=${textOf(failure.body)} look=${lookAt(id, ({ body }) => body)} />
      ${failure.original && html`<details><summary>The original body, before the change</summary><${Body} text=${textOf(failure.original)} look=${lookAt(id, ({ original, body }) => original ?? body)} /></details>`}
    </section>
    <${History} history=${failure.history} stack=${stack} />
    <details class="section"><summary>Properties and headers</summary><${Body} text=${JSON.stringify(failure.properties)} label="Properties" look=${lookAt(id, ({ properties }) => ({ text: JSON.stringify(properties) }))} /></details>
    ${
      failure.failures.length > 1 &&
      html`<section aria-labelledby="again-title"><h2 id="again-title">All its failures</h2><${MessageTable} rows=${failure.failures} /></section>`
    }
  `
}

/** @param {{ fault: unknown }} props */
function Unknown({ fault }) {
  if (fault === undefined) return html`<p class="aside">Loading …</p>`
  if (fault instanceof Refused && fault.status === 404)
    return html`<p class="aside">No failed message has this id. <a href="#/failed">All failed messages</a></p>`
  return html`<${Fault} of=${fault} />`
}

/** @typedef {{ body: Bytes, kept: Bytes, original: Bytes | null, properties: object }} Looked */

/**
 * Shows the wanted part, after the look was recorded.
 * @type {(id: string, wanted: (looked: Looked) => Bytes) => (given: Given) => Promise<string>}
 */
const lookAt =
  (id, wanted) =>
  async ({ operator, reason }) =>
    textOf(wanted(await post(`/failed/${id}/look`, { operator, reason })))

/** @type {(bytes: Bytes) => string} */
const textOf = (bytes) =>
  'text' in bytes
    ? bytes.text
    : `Not text: ${count(Math.floor((bytes.base64.length * 3) / 4))} bytes, shown in base64.\n${bytes.base64}`

/** @param {{ failure: Failure, again: () => void }} props */
function Actions({ failure: { id, state, revision }, again }) {
  /** The body as opened, with its revision. A change applies only to that revision. */
  const [kept, setKept] = useState(/** @type {{ text: string, revision: number } | undefined} */ (undefined))
  const open = async (/** @type {Given} */ { operator, reason }) => {
    /** @type {Looked} */
    const looked = await post(`/failed/${id}/look`, { operator, reason })
    setKept({ text: 'text' in looked.kept ? looked.kept.text : '', revision })
    return 'Opened. The audit log has recorded this.'
  }
  const archive = async (/** @type {Given} */ { operator, reason }) => {
    await post(`/failed/${id}/archive`, { operator, reason })
    again()
    return 'Archived.'
  }
  const change = async (/** @type {Given} */ { operator, reason, fields }) => {
    const text = String(fields.get('text'))
    await ask(`/failed/${id}/body`, {
      method: 'PUT',
      body: { operator, reason, text },
      headers: { 'if-match': `"${kept?.revision}"` },
    })
    setKept(undefined)
    again()
    return 'Changed. The original body is kept.'
  }
  return html`<div class="actions">
    <${Rehearse} id=${id} />
    ${(state === 'waiting' || state === 'archived') && html`<${SendAgain} selection=${{ ids: [id] }} all=${1} />`}
    ${
      state === 'waiting' &&
      html`${
        kept === undefined
          ? html`<${Act} key="open" isQuiet open="Open its body …" does="Open the body"
                explains="Opens the body so that you can change it. It may contain personal data: the audit log records who opens it, and why." run=${open} />`
          : html`<${Act} key="change" isQuiet startsOpen open="Change its body …" does="Change the body"
                explains="The message’s contract must accept the new body. Encrypted personal data stays unchanged." run=${change}>
                <label>Body <textarea name="text" required rows="12" spellcheck="false">${kept.text}</textarea></label>
              <//>`
      }
        ${kept && kept.revision !== revision && html`<button class="quiet" type="button" onClick=${() => setKept(undefined)}>Start again from the current body</button>`}
        <${Act}
          isQuiet
          open="Archive …"
          does="Archive 1 message"
          explains="Do this if it needs no action. It is kept, and you can still send it again."
          run=${archive}
        />`
    }
  </div>`
}

/** @param {{ history: Attempt[], stack: string }} props */
function History({ history, stack }) {
  if (history.length === 0 && stack === '') return null
  return html`<section aria-labelledby="history-title">
    <h2 id="history-title">Attempts</h2>
    ${
      history.length > 0 &&
      html`<ul class="history">
        ${history.map(
          ({ at, attempt, error }) =>
            html`<li key=${attempt}>Attempt ${attempt} at <${Moment} at=${at} />: ${error}</li>`,
        )}
      </ul>`
    }
    ${stack !== '' && html`<details><summary>Stack trace</summary><pre tabindex="0" role="group" aria-label="Stack trace">${stack}</pre></details>`}
  </section>`
}

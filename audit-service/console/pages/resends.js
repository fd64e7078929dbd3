// The pages of replays: how far each has come, and buttons to stop and resume it.
import { html } from '/console/packages/preact.js'
import { ask, askIfThere, post } from '../api.js'
import { Act } from '../parts/act.js'
import { usePolled } from '../parts/polling.js'
import { Badge, Fault, Moment, NotAvailable, Scrolling } from '../parts/show.js'
import { count, counted, zone } from '../words.js'

/**
 * @typedef {{
 *   id: string, state: 'running' | 'stopped' | 'done', why: string | null, operator: string, reason: string,
 *   selection: { ids?: string[], filter?: Record<string, string> }, total: number, position: number, stepEnd: number,
 *   watchUntil: string | null, ratePerSecond: number, createdAt: string, endedAt: string | null, sent: number,
 *   failedAgain: number
 * }} Resend
 */
/** @typedef {import('../parts/act.js').Given} Given */

/** @type {Record<Resend['state'], import('../parts/show.js').Tone>} */
const TONES = { running: 'under-way', stopped: 'bad', done: 'good' }
const EVERY_MS = 1_500

export function Resends() {
  const { answer, fault } = usePolled(() => askIfThere('/replays').then((page) => ({ page })))
  /** @type {Resend[] | undefined} */
  const replays = answer?.page?.replays
  return html`
    <p class="crumbs"><a href="#/failed">Failed messages</a></p>
    <h1 tabindex="-1">Replays</h1>
    <${Fault} of=${fault} />
    ${answer && !replays && html`<${NotAvailable} what="replays" />`}
    ${replays?.length === 0 && html`<p class="aside">There are no replays yet.</p>`}
    ${
      replays &&
      replays.length > 0 &&
      html`<${Scrolling} label="Replays">
        <table class="list plain">
          <thead>
            <tr><th scope="col">Started at (${zone})</th>
            <th scope="col">Operator</th>
            <th scope="col">Reason</th>
            <th scope="col" class="number">Sent</th>
            <th scope="col" class="number">Failed again</th>
            <th scope="col">State</th></tr>
          </thead>
          <tbody>
            ${replays.map(
              ({ id, createdAt, operator, reason, sent, total, failedAgain, state }) => html`<tr key=${id}>
                <td><a href=${`#/failed/replays/${id}`}><${Moment} at=${createdAt} /></a></td>
                <td>${operator}</td>
                <td>${reason}</td>
                <td class="number">${count(sent)} of ${count(total)}</td>
                <td class="number">${count(failedAgain)}</td>
                <td><${Badge} tone=${TONES[state]}>${state}<//></td>
              </tr>`,
            )}
          </tbody>
        </table>
      <//>`
    }
  `
}

/** @param {{ id: string }} props */
export function ResendPage({ id }) {
  const { answer, fault, again } = usePolled(() => ask(`/replays/${id}`), { key: id, everyMs: EVERY_MS })
  const resend = /** @type {Resend | undefined} */ (answer)
  const crumbs = html`<p class="crumbs"><a href="#/failed">Failed messages</a> › <a href="#/failed/replays">Replays</a></p>`
  if (!resend) return html`${crumbs}<h1 tabindex="-1">Replay</h1><${Fault} of=${fault} />`
  const { state, why, operator, reason, total, position, stepEnd, watchUntil, sent, failedAgain, createdAt, endedAt } =
    resend
  const act =
    (/** @type {'stop' | 'resume'} */ action) =>
    async (/** @type {Given} */ { operator: by, reason: because }) => {
      await post(`/replays/${id}/${action}`, { operator: by, reason: because })
      again()
      return action === 'stop' ? 'Stopped. The remaining messages wait.' : 'Resumed.'
    }
  return html`
    ${crumbs}
    <h1 tabindex="-1">Replay of ${counted(total, 'message')}</h1>
    <p class="headline" data-tone=${TONES[state]}><strong role="status">${stateIn(resend)}</strong></p>
    <${Fault} of=${fault} />
    <progress max=${total} value=${position} aria-label="Sent"></progress>
    <dl class="facts">
      <div><dt>Sent</dt><dd>${count(sent)} of ${count(total)}</dd></div>
      <div><dt>Failed again</dt><dd>${count(failedAgain)}${failedAgain > 0 && html`: <a href="#/failed">show failed messages</a>`}</dd></div>
      ${state === 'running' && html`<div><dt>This step</dt><dd>up to message ${count(stepEnd)}${watchUntil && html`, watched until <${Moment} at=${watchUntil} />`}</dd></div>`}
      <div><dt>Operator</dt><dd>${operator}: ${reason}</dd></div>
      <div><dt>Started</dt><dd><${Moment} at=${createdAt} />${endedAt && html`, ended <${Moment} at=${endedAt} />`}</dd></div>
      ${why !== null && html`<div><dt>Why it stopped</dt><dd>${why}</dd></div>`}
    </dl>
    <div class="actions">
      ${
        state === 'running' &&
        html`<${Act}
        open="Stop …"
        does="Stop sending"
        explains="Sends no more messages; the remaining ones wait."
        run=${act('stop')}
      />`
      }
      ${
        state === 'stopped' &&
        html`<${Act}
        open="Resume …"
        does=${`Send the remaining ${count(total - position)}`}
        explains="Continues where the replay stopped. Messages that have failed again so far no longer stop it."
        run=${act('resume')}
      />`
      }
    </div>
  `
}

/** @type {(resend: Resend) => string} */
function stateIn({ state, sent, total, failedAgain }) {
  if (state === 'done')
    return failedAgain === 0 ? 'Done: no message failed again' : `Done: ${count(failedAgain)} failed again`
  return state === 'stopped'
    ? `Stopped after ${count(sent)} of ${count(total)}`
    : `Under way: ${count(sent)} of ${count(total)}`
}

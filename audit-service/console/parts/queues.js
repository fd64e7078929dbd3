// The queues on the first page: which back up and what to do; and the length and age of each.
import { html } from '/console/packages/preact.js'
import { count, counted, duration, serviceOf } from '../words.js'
import { Check } from './check.js'
import { NotAvailable, Scrolling, Service } from './show.js'

/**
 * @typedef {{
 *   queue: string, service: string, messages: number, unacknowledged: number, consumers: number,
 *   inPerSecond: number, outPerSecond: number, oldestSeconds: number | null, oldestBy: 'said' | 'watched' | null,
 *   backsUp: 'no_consumer' | 'too_slow' | null, nextStep: string | null
 * }} LookedQueue
 */
/** @typedef {{ why: string | null, at: string | null, queues: LookedQueue[] }} LookedQueues */

/**
 * The headline's words about the queues. Empty while no queue backs up.
 * @type {(queues: LookedQueues | undefined) => string[]}
 */
export function backlogsOf(queues) {
  const all = (queues?.queues ?? []).filter(({ backsUp }) => backsUp !== null)
  const [first] = all
  if (!first) return []
  return [all.length === 1 ? `${first.queue} backs up` : `${count(all.length)} queues back up`]
}

/** @type {(rate: number) => string} */
export const rateIn = (rate) => `${rate >= 10 ? Math.round(rate) : rate.toFixed(1)}/s`

/** @type {(queue: LookedQueue) => string} */
export const oldestIn = ({ oldestSeconds, oldestBy }) =>
  oldestSeconds === null ? '–' : `${oldestBy === 'watched' ? 'at least ' : ''}${duration(oldestSeconds * 1_000)}`

/** @param {{ looked: LookedQueues | undefined }} props */
export function Queues({ looked }) {
  if (!looked)
    return html`<${Check} title="Queues" tone="plain" says="Unknown"><${NotAvailable} what="the state of the queues" /><//>`
  const { why, queues } = looked
  if (why !== null)
    return html`<${Check} title="Queues" tone="plain" says="Unknown">
      <p class="aside">audit-service cannot read the queues: ${why}. <code>MANAGEMENT_URL</code> is the address of RabbitMQ’s management API.</p>
    <//>`
  const wrong = queues.filter(({ backsUp }) => backsUp !== null)
  const waiting = (/** @type {LookedQueue[]} */ some) =>
    counted(
      some.reduce((sum, { messages }) => sum + messages, 0),
      'message',
    )
  const says =
    wrong.length === 0
      ? `None backs up: ${waiting(queues)} in ${counted(queues.length, 'queue')}`
      : `${counted(wrong.length, 'queue backs up', 'queues back up')}: ${waiting(wrong)} in ${wrong.length === 1 ? 'it' : 'them'}`
  return html`<${Check} title="Queues" tone=${wrong.length === 0 ? 'good' : 'bad'} says=${says}>
    ${wrong.map((one) => html`<${Backlog} key=${one.queue} of=${one} />`)}
    <details>
      <summary>Every queue</summary>
      <${QueueTable} queues=${queues} />
    </details>
  <//>`
}

/** @param {{ of: LookedQueue }} props */
function Backlog({ of: looked }) {
  const { queue, service, messages, inPerSecond, outPerSecond, backsUp, nextStep } = looked
  return html`<article class="item">
    <div class="item-what">
      <p><span class="mono">${queue}</span> <strong>${counted(messages, 'message')}</strong>${backsUp === 'no_consumer' ? ', and no consumer' : ', and the queue does not get shorter'}</p>
      <p class="meta">
        <${Service} service=${serviceOf(service)} /> consumes them · ${rateIn(inPerSecond)} in, ${rateIn(outPerSecond)} out · oldest ${oldestIn(looked)}
      </p>
    </div>
    <p class="next">${nextStep}</p>
  </article>`
}

/** @param {{ queues: LookedQueue[] }} props */
function QueueTable({ queues }) {
  return html`<${Scrolling} label="Every queue">
    <table class="list plain">
      <thead>
        <tr><th scope="col">Queue</th>
        <th scope="col" class="number">Messages</th>
        <th scope="col" class="number">Unsettled</th>
        <th scope="col" class="number">Consumers</th>
        <th scope="col" class="number">In</th>
        <th scope="col" class="number">Out</th>
        <th scope="col" class="number">Oldest</th></tr>
      </thead>
      <tbody>
        ${queues.map(
          (one) => html`<tr key=${one.queue}>
            <td class="mono">${one.queue}</td>
            <td class="number">${count(one.messages)}</td>
            <td class="number">${count(one.unacknowledged)}</td>
            <td class="number">${count(one.consumers)}</td>
            <td class="number">${rateIn(one.inPerSecond)}</td>
            <td class="number">${rateIn(one.outPerSecond)}</td>
            <td class="number">${oldestIn(one)}</td>
          </tr>`,
        )}
      </tbody>
    </table>
  <//>`
}

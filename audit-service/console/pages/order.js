// The page of an order: its story across the six services, what is missing, its notifications, and what to do.
import { html } from '/console/packages/preact.js'
import { ask, askIfThere, post, Refused } from '../api.js'
import { Act } from '../parts/act.js'
import { typeOf } from '../parts/domain.js'
import { usePolled } from '../parts/polling.js'
import { Sequence } from '../parts/sequence.js'
import { Age, Badge, Fault, Moment } from '../parts/show.js'
import { Waterfall } from '../parts/waterfall.js'
import { count, counted, duration, queryOf, zone } from '../words.js'
import { MessageTable } from './failed.js'

/** @typedef {import('../parts/sequence.js').Gap} Gap */
/** @typedef {import('../parts/sequence.js').Entry} Entry */
/**
 * @typedef {{
 *   orderId: string, ended: 'completed' | 'cancelled' | null, startedAt: string, durationMs: number,
 *   entries: Entry[], gaps: Gap[], conflicts: number[], next: number | null
 * }} Story
 */

const EVERY_MS = 2_000

/** @param {{ orderId: string }} props */
export function Order({ orderId }) {
  const { answer, fault, again } = usePolled(() => ask(`/audit/orders/${encodeURIComponent(orderId)}`), {
    key: orderId,
    everyMs: EVERY_MS,
  })
  const story = /** @type {Story | undefined} */ (answer)
  return html`
    <p class="crumbs"><a href="#/orders">Orders</a></p>
    <div class="title">
      <h1 tabindex="-1">Order ${orderId}</h1>
      <p class="badges" role="status">${story ? html`<${Badges} story=${story} />` : html`<${Unheard} fault=${fault} />`}</p>
    </div>
    ${!(fault instanceof Refused) && html`<${Fault} of=${fault} />`}
    ${story && html`<${Told} story=${story} again=${again} />`}
  `
}

/** @param {{ fault: unknown }} props */
function Unheard({ fault }) {
  if (!(fault instanceof Refused)) return null
  if (fault.status !== 404)
    return html`<${Badge} tone="waiting">invalid order id<//> An order id consists of letters, digits, dots, dashes and underscores.`
  return html`<${Badge} tone="waiting">no events yet<//> Its story appears here when a service publishes the first event about it.`
}

/** @param {{ story: Story }} props */
function Badges({ story: { ended, gaps } }) {
  const number = (/** @type {Gap['status']} */ wanted) => gaps.filter(({ status }) => status === wanted).length
  const [waiting, held, missing, failed] = [number('waiting'), number('held'), number('missing'), number('failed')]
  return html`
    <${Badge} tone=${ended === 'completed' ? 'good' : ended === null ? 'under-way' : 'plain'}>${ended ?? 'under way'}<//>
    ${waiting > 0 && html`<${Badge} tone="waiting">waiting for ${waiting}<//>`}
    ${held > 0 && html`<${Badge}>${held} held<//>`}
    ${missing > 0 && html`<${Badge} tone="bad">${missing} missing<//>`}
    ${failed > 0 && html`<${Badge} tone="bad">${failed} failed<//>`}
  `
}

/** @param {{ story: Story, again: () => void }} props */
function Told({ story: { orderId, ended, startedAt, durationMs, entries, gaps, conflicts, next }, again }) {
  return html`
    <dl class="facts">
      <div><dt>${ended === null ? 'Running for' : 'Took'}</dt><dd>${ended === null ? html`<${Age} since=${startedAt} />` : duration(durationMs)}</dd></div>
      <div><dt>Events</dt><dd>${count(entries.length)}${next !== null && ', and more'}</dd></div>
      <div><dt>Began</dt><dd><${Moment} at=${startedAt} /> ${zone}</dd></div>
    </dl>
    <${Next} orderId=${orderId} gaps=${gaps} again=${again} />
    ${conflicts.length > 0 && html`<p class="fault">Events with the same id but other content arrived: ${conflicts.map((sequence) => `no. ${sequence}`).join(', ')}.</p>`}
    <section aria-labelledby="story-title">
      <h2 id="story-title">Story</h2>
      <p class="aside">A dot marks the service that published the event, a ring each service that handles it. Open an event to see its message.</p>
      <${Sequence} orderId=${orderId} entries=${entries} gaps=${gaps} />
    </section>
    <${Notifications} orderId=${orderId} entries=${entries} />
    <${FailedOf} orderId=${orderId} />
    <${Waterfall} orderId=${orderId} />
  `
}

/** @param {{ orderId: string, gaps: Gap[], again: () => void }} props */
function Next({ orderId, gaps, again }) {
  const isHeard = (/** @type {Gap} */ { after }) =>
    (typeOf((after ?? '').split('/')[0] ?? '')?.heardBy ?? []).length > 0
  const missing = gaps.filter(({ status }) => status === 'missing')
  const failed = gaps.filter(({ status }) => status === 'failed')
  const late = [...new Set(missing.map((gap) => gap.missing[0]?.split('.')[0] ?? ''))]
  if (missing.length === 0 && failed.length === 0)
    return gaps.length === 0 ? html`<p class="lead">Every expected event has followed.</p>` : null
  const resay = async (/** @type {import('../parts/act.js').Given} */ { operator, reason }) => {
    const { said } = await post(`/audit/orders/${encodeURIComponent(orderId)}/resay`, { operator, reason })
    again()
    return `Published again: ${said.join(', ')}.`
  }
  return html`<section class="panel" data-tone="bad" aria-labelledby="next-title">
    <h2 id="next-title">What to do</h2>
    ${
      missing.length > 0 &&
      html`<p>
        ${counted(missing.length, 'step')} overdue at ${late.join(' and ')}.
        ${' '}Check that ${late.length === 1 ? 'it runs' : 'they run'}. If a message is listed below under “Failed messages of this order”, mend its
        cause and send it again. If it waits among the <a href="#/services">retries of the service</a>, mend what it waits for. Otherwise it was lost: publish again the event that ${late.length === 1 ? 'it' : 'they'} should have handled.
      </p>`
    }
    ${
      failed.length > 0 &&
      html`<p>
        ${counted(failed.length, 'notification')} did not reach the customer, and all attempts failed. If the request is listed below under
        “Failed messages of this order”, mend its cause and send it again. Otherwise, if the address works again, send the notification again
        with the command on the <a href="#/">first page</a>.
      </p>`
    }
    ${
      missing.some(isHeard) &&
      html`<${Act}
        open="Publish again …"
        does="Publish again"
        explains="Publishes each event again whose next event is missing, unchanged. A service that has handled it does nothing."
        run=${resay}
      />`
    }
  </section>`
}

/**
 * The last event of each notification, by its name and channel.
 * @type {(orderId: string, entries: Entry[]) => { name: string, channel: string, last: Entry }[]}
 */
function notificationsIn(orderId, entries) {
  const found = new Map()
  for (const entry of entries.filter(({ service }) => service === 'notification')) {
    const detail = entry.id.slice(`${orderId}/${entry.type}/`.length)
    const [, name, channel] = /^(.+)\.(email|sms|push|webhook)(?:\.\d.*)?$/.exec(detail) ?? []
    if (name !== undefined && channel !== undefined) found.set(`${name} ${channel}`, { name, channel, last: entry })
  }
  return [...found.values()]
}

/** @param {{ orderId: string, entries: Entry[] }} props */
function Notifications({ orderId, entries }) {
  const all = notificationsIn(orderId, entries)
  if (all.length === 0) return null
  return html`<section aria-labelledby="notifications-title">
    <h2 id="notifications-title">Notifications to the customer</h2>
    <table class="list plain">
      <thead><tr><th scope="col">About</th>
            <th scope="col">Channel</th>
            <th scope="col">State</th>
            <th scope="col">When (${zone})</th></tr></thead>
      <tbody>
        ${all.map(
          ({ name, channel, last }) => html`<tr key=${`${name} ${channel}`}>
            <td class="mono">${name}</td>
            <td>${channel === 'email' ? 'e-mail' : channel}</td>
            <td><${Badge} tone=${toneOf(last.type)}>${last.type.replace('notification.', '').replace('_', ' ')}<//></td>
            <td class="time"><${Moment} at=${last.time} /></td>
          </tr>`,
        )}
      </tbody>
    </table>
  </section>`
}

/** @type {(type: string) => import('../parts/show.js').Tone} */
function toneOf(type) {
  if (type === 'notification.sent' || type === 'notification.delivered') return 'good'
  return type === 'notification.failed' || type === 'notification.undelivered' ? 'bad' : 'plain'
}

/** Shown only if there are any. @param {{ orderId: string }} props */
function FailedOf({ orderId }) {
  const { answer } = usePolled(
    () => askIfThere(`/failed?${queryOf({ subject: orderId, state: 'any', limit: 50 })}`).then((page) => ({ page })),
    { key: orderId, everyMs: 10_000 },
  )
  /** @type {import('./failed.js').Summary[]} */
  const failed = answer?.page?.failed ?? []
  if (failed.length === 0) return null
  return html`<section aria-labelledby="failed-title"><h2 id="failed-title">Failed messages of this order</h2><${MessageTable} rows=${failed} /></section>`
}

// Is anything wrong, whom does it touch, and what to do about it.
import { html, useState } from '/console/packages/preact.js'
import { ask, askIfThere, hasToken, post, Refused } from '../api.js'
import { Act } from '../parts/act.js'
import { Check } from '../parts/check.js'
import { Events, urlOf } from '../parts/events.js'
import { usePolled } from '../parts/polling.js'
import { backlogsOf, Queues } from '../parts/queues.js'
import { RetriesWaiting, Services, wrongsOf } from '../parts/services.js'
import { Age, Fault, Moment, NotAvailable, OrderLink, Service } from '../parts/show.js'
import { count, counted, duration, queryOf } from '../words.js'

/** @typedef {{ hop: string, count: number, oldest: string, status: 'missing' | 'failed', nextStep: string | null }} Hop */
/** @typedef {import('../parts/sequence.js').Gap & { orderId: string, service: string, nextStep: string | null }} Overdue */
/** @typedef {{ gaps: Overdue[], hops: Hop[], behind: number }} Gaps */
/** @typedef {import('./failed.js').Groups} Groups */
/** @typedef {import('../parts/services.js').Looked} Looked */

const VERIFY_MAX_MS = 600_000
const ORDERS_SHOWN = 20

export function Now() {
  const { answer, fault, again } = usePolled(async () => {
    const [gaps, failed, looked, queues] = await Promise.all([
      ask('/audit/gaps?limit=1'),
      askIfThere('/failed/groups'),
      askIfThere('/operations/services'),
      askIfThere('/operations/queues'),
    ])
    return {
      gaps: /** @type {Gaps} */ (gaps),
      failed: /** @type {Groups | undefined} */ (failed),
      services: /** @type {Looked[] | undefined} */ (looked?.services),
      queues: /** @type {import('../parts/queues.js').LookedQueues | undefined} */ (queues),
    }
  })
  const [log, setLog] = useState(/** @type {Verdict | 'checking' | undefined} */ (undefined))
  if (!answer)
    return html`<h1 tabindex="-1">Is anything wrong?</h1>
      ${fault === undefined ? html`<p class="aside">Looking …</p>` : html`<${Fault} of=${fault} />`}`
  const { gaps, failed, services, queues } = answer
  const stuck = gaps.hops.filter(({ status }) => status === 'missing')
  const untold = gaps.hops.filter(({ status }) => status === 'failed')
  const isKnown = failed !== undefined && services !== undefined
  const wrongs = [
    ...wrongsOf(services ?? []),
    ...backlogsOf(queues),
    ...(stuck.length > 0
      ? [
          `${counted(sum(stuck), 'step')} of orders overdue at ${[...new Set(stuck.map(({ hop }) => lateIn(hop)))].join(' and ')}`,
        ]
      : []),
    ...(failed && failed.groups.length > 0
      ? [`${failed.areAll ? '' : 'more than '}${counted(sum(failed.groups), 'message')} failed`]
      : []),
    ...(untold.length > 0 ? [`${counted(sum(untold), 'notification')} did not reach a customer`] : []),
    ...(typeof log === 'object' && !log.ok ? ['the audit log is damaged'] : []),
  ]
  return html`
    <${Headline} wrongs=${wrongs} isKnown=${isKnown} fault=${fault} />
    <div class="checks">
      <${Services} services=${services} />
      <${Queues} looked=${queues} />
      <${Stuck} hops=${stuck} behind=${gaps.behind} again=${again} />
      <${Failed} failed=${failed} />
      <${RetriesWaiting} services=${services} />
      <${Untold} hops=${untold} />
      <${Log} verdict=${log} tell=${setLog} />
    </div>
    <${Events} />
  `
}

/** The service that should have said what is missing. @type {(hop: string) => string} */
const lateIn = (hop) => hop.split(' → ')[1]?.split('.')[0] ?? ''

const sum = (/** @type {{ count: number }[]} */ all) => all.reduce((total, one) => total + one.count, 0)

/** @param {{ wrongs: string[], isKnown: boolean, fault: unknown }} props `isKnown`: whether messages failed, and how the services are */
function Headline({ wrongs, isKnown, fault }) {
  if (fault !== undefined)
    return html`<header class="headline" data-tone="waiting">
      <div role="status"><h1 tabindex="-1">Not known.</h1></div>
      <p>What is shown is what was known last.</p>
      <${Fault} of=${fault} />
    </header>`
  const isWell = wrongs.length === 0
  const sentence = isWell ? 'All is well' : wrongs.join(', ').replace(/^./, (first) => first.toUpperCase())
  return html`<header class="headline" data-tone=${isWell ? 'good' : 'bad'}>
    <div role="status"><h1 tabindex="-1">${sentence}.</h1></div>
    <p>${isWell ? `No order is stuck${isKnown ? ', no message failed, every service answers' : ''}, and every customer was told.` : 'What to do stands beside each of them.'}</p>
  </header>`
}

/** @param {{ hops: Hop[], behind: number, again: () => void }} props */
function Stuck({ hops, behind, again }) {
  const says =
    hops.length === 0 ? 'None: what should have followed has followed' : 'What should have followed, and has not'
  const following = behind > 0 ? `; ${counted(behind, 'event')} not looked at yet` : ''
  return html`<${Check} title="Stuck orders" tone=${hops.length === 0 ? 'good' : 'bad'} says=${says + following}>
    ${hops.map((hop) => html`<${StuckHop} key=${hop.hop} hop=${hop} again=${again} />`)}
  <//>`
}

/** @param {{ hop: Hop, again: () => void }} props */
function StuckHop({ hop: { hop, count: all, oldest, nextStep }, again }) {
  const [after = '', missing = ''] = hop.split(' → ')
  const resay = async (/** @type {import('../parts/act.js').Given} */ { operator, reason }) => {
    const { said } = await post('/audit/gaps/resay', { hop, expected: all, operator, reason })
    again()
    return `${counted(said, 'fact')} said again. What follows from ${said === 1 ? 'it' : 'them'} closes the gap within half a minute.`
  }
  return html`<article class="item">
    <div class="item-what">
      <p><strong>${count(all)}</strong> × <span class="mono">${after}</span> was not followed by <span class="mono">${missing}</span></p>
      <p class="meta">
        <${Service} service=${lateIn(hop)} /> should have acted · oldest overdue for <${Age} since=${oldest} />
      </p>
      <${Touched} hop=${hop} all=${all} />
    </div>
    ${
      nextStep === null
        ? html`<p class="next">Nobody acts on <span class="mono">${after}</span>: look at what each of the orders needs, and at the service’s log.</p>`
        : html`<${Act}
            open="Say again …"
            does=${`Say ${counted(all, 'fact')} again`}
            explains=${`Publishes each recorded ${after} again, as it was. Whoever has acted on it does nothing; whoever missed it acts now.`}
            run=${resay}
          />`
    }
  </article>`
}

/** @param {{ hop: string, all: number }} props */
function Touched({ hop, all }) {
  const [isOpen, setOpen] = useState(false)
  return html`<details onToggle=${(/** @type {Event} */ { currentTarget }) => setOpen(/** @type {HTMLDetailsElement} */ (currentTarget).open)}>
    <summary>Which orders</summary>
    ${isOpen && html`<${TouchedOrders} hop=${hop} all=${all} />`}
  </details>`
}

/** @param {{ hop: string, all: number }} props */
function TouchedOrders({ hop, all }) {
  const { answer, fault } = usePolled(() => ask(`/audit/gaps?${queryOf({ hop, limit: ORDERS_SHOWN })}`), { key: hop })
  if (!answer) return html`<${Fault} of=${fault} />`
  const { gaps } = /** @type {Gaps} */ (answer)
  return html`<ul class="orders">
    ${gaps.map(
      ({ orderId, overdueAt, after, nextStep }) => html`<li key=${`${orderId} ${after}`}>
        <${OrderLink} orderId=${orderId} /> <span class="meta">since <${Moment} at=${overdueAt} /></span>
        ${nextStep?.endsWith('-service)') && html`<code tabindex="0">${commandOf(nextStep)}</code>`}
      </li>`,
    )}
    ${gaps.length < all && html`<li class="meta">and ${count(all - gaps.length)} more; these have waited the longest</li>`}
  </ul>`
}

/** `POST /notifications/x/resend (notification-service)`, for a terminal. @type {(nextStep: string) => string} */
function commandOf(nextStep) {
  const [, method, path, service] = /^(\w+) (\S+) \((\w+)-service\)$/.exec(nextStep) ?? []
  if (service === undefined) return nextStep
  const authorization = hasToken() ? " -H 'Authorization: Bearer …'" : ''
  const reason = path?.endsWith('/resend') ? ` -H 'Content-Type: application/json' -d '{"reason": "…"}'` : ''
  return `curl -X ${method} ${urlOf(service)}${path}${authorization}${reason}`
}

/** @param {{ failed: Groups | undefined }} props */
function Failed({ failed }) {
  if (!failed)
    return html`<${Check} title="Failed messages" tone="plain" says="Not known"><${NotAvailable} what="The store of failed messages" /><//>`
  const { groups, areAll, missingQueues } = failed
  const says =
    groups.length === 0
      ? 'None'
      : `${counted(sum(groups), 'message')} of ${areAll ? '' : 'more than '}${counted(groups.length, 'cause')}`
  return html`<${Check} title="Failed messages" tone=${groups.length === 0 ? 'good' : 'bad'} says=${says} action=${html`<a href="#/failed">All of them</a>`}>
    ${missingQueues.length > 0 && html`<p class="aside">There are no queues ${missingQueues.join(', ')}: what fails there is lost.</p>`}
    ${groups.slice(0, 8).map(
      ({ fingerprint, count: all, reason, code, queue, type, oldest }) => html`<article class="item" key=${fingerprint}>
        <div class="item-what">
          <p><strong>${count(all)}</strong> × ${reason || code}</p>
          <p class="meta"><span class="mono">${queue}</span> · ${type || 'of no known type'} · oldest failed <${Age} since=${oldest} /> ago</p>
        </div>
        <a class="button" href=${`#/failed?${queryOf({ fingerprint })}`}>Look and decide<span class="unseen"> about ${reason || code}</span></a>
      </article>`,
    )}
  <//>`
}

/** @param {{ hops: Hop[] }} props */
function Untold({ hops }) {
  const says =
    hops.length === 0 ? 'None: everybody was told' : 'Customers who could not be told, and nobody tries any more'
  return html`<${Check} title="Failed notifications" tone=${hops.length === 0 ? 'good' : 'bad'} says=${says}>
    ${hops.map(
      ({ hop, count: all, oldest }) => html`<article class="item" key=${hop}>
        <div class="item-what">
          <p><strong>${count(all)}</strong> × ${hop.startsWith('notification.undelivered') ? 'accepted, and then not delivered' : 'refused by the provider'}</p>
          <p class="meta">oldest <${Age} since=${oldest} /> ago</p>
          <${Touched} hop=${hop} all=${all} />
        </div>
        <p class="next">Correct the address, then send each again: the command stands beside its order.</p>
      </article>`,
    )}
  <//>`
}

/** @typedef {{ ok: boolean, events: number, why?: string, brokenAt?: number, atMs: number }} Verdict */

/** @param {{ verdict: Verdict | 'checking' | undefined, tell: (verdict: Verdict | 'checking' | undefined) => void }} props */
function Log({ verdict, tell }) {
  const [fault, setFault] = useState(/** @type {unknown} */ (undefined))
  async function check() {
    tell('checking')
    setFault(undefined)
    const startedMs = performance.now()
    try {
      const found = await ask('/audit/verify', { limitMs: VERIFY_MAX_MS })
      tell({ ...found, atMs: performance.now() - startedMs })
    } catch (refused) {
      tell(undefined)
      setFault(refused instanceof Refused ? refused : new Error('no answer'))
    }
  }
  const isKnown = typeof verdict === 'object'
  const tone = !isKnown ? 'plain' : verdict.ok ? 'good' : 'bad'
  const action = html`<button type="button" disabled=${verdict === 'checking'} onClick=${check}>Check the log</button>`
  return html`<${Check} title="Audit log" tone=${tone} says=${saysOf(verdict)} action=${action}>
    <${Fault} of=${fault} />
    ${isKnown && !verdict.ok && html`<p class="next">Somebody changed the database: keep a copy of it as it is, and compare with a backup.</p>`}
  <//>`
}

/** @type {(verdict: Verdict | 'checking' | undefined) => string} */
function saysOf(verdict) {
  if (verdict === undefined) return 'Not checked since this page was opened'
  if (verdict === 'checking') return 'Checking every event …'
  if (verdict.ok) return `Whole: ${counted(verdict.events, 'event')} checked in ${duration(verdict.atMs)}`
  return `Event no. ${count(verdict.brokenAt ?? 0)} is ${verdict.why}; whole up to no. ${count(verdict.events)}`
}

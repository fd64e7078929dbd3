// The first page: whether anything is wrong, whom it affects, and what to do about it.
import { html, useState } from '/console/packages/preact.js'
import { ask, askIfThere, hasToken, post } from '../api.js'
import { Act } from '../parts/act.js'
import { Check } from '../parts/check.js'
import { Events, urlOf } from '../parts/events.js'
import { Log, useVerdict } from '../parts/log.js'
import { usePolled } from '../parts/polling.js'
import { backlogsOf, Queues } from '../parts/queues.js'
import { isRetried, RetriesWaiting, Services, wrongsOf } from '../parts/services.js'
import { Age, Fault, Moment, NotAvailable, OrderLink, Service } from '../parts/show.js'
import { count, counted, queryOf } from '../words.js'

/**
 * @typedef {{
 *   hop: string, count: number, oldest: string, status: 'missing' | 'failed', failed: number, areAllFailed: boolean,
 *   nextStep: string | null
 * }} Hop
 */
/** @typedef {import('../parts/sequence.js').Gap & { orderId: string, service: string, nextStep: string | null }} Overdue */
/** @typedef {{ gaps: Overdue[], hops: Hop[], behind: number }} Gaps */
/** @typedef {import('./failed.js').Groups} Groups */
/** @typedef {import('../parts/services.js').Known} Known */

const ORDERS_SHOWN = 20

export function Now() {
  const { answer, fault, again } = usePolled(async () => {
    const [gaps, failed, queues] = await Promise.all([
      ask('/audit/gaps?limit=1'),
      askIfThere('/failed/groups'),
      askIfThere('/operations/queues'),
    ])
    return {
      gaps: /** @type {Gaps} */ (gaps),
      failed: /** @type {Groups | undefined} */ (failed),
      queues: /** @type {import('../parts/queues.js').LookedQueues | undefined} */ (queues),
    }
  })
  // Asked separately, since a service that does not answer is waited for.
  const looked = usePolled(async () => ({ services: (await askIfThere('/operations/services'))?.services }))
  const [log, tell] = useVerdict()
  if (!answer)
    return html`<h1 tabindex="-1">Is anything wrong?</h1>
      ${fault === undefined ? html`<p class="aside">Loading …</p>` : html`<${Fault} of=${fault} />`}`
  const { gaps, failed, queues } = answer
  const services = /** @type {Known} */ (looked.answer ? looked.answer.services : 'asking')
  const stuck = gaps.hops.filter(({ status }) => status === 'missing')
  const untold = gaps.hops.filter(({ status }) => status === 'failed')
  const isKnown = failed !== undefined && Array.isArray(services)
  // Those whose message failed are among the failed messages.
  const lost = stuck.filter(({ areAllFailed }) => !areAllFailed)
  const wrongs = [
    ...(Array.isArray(services) ? wrongsOf(services) : []),
    ...backlogsOf(queues),
    ...(lost.length > 0
      ? [
          `${counted(sum(lost), 'order step')} overdue at ${[...new Set(lost.map(({ hop }) => lateIn(hop)))].join(' and ')}`,
        ]
      : []),
    ...(failed && failed.groups.length > 0
      ? [`${failed.areAll ? '' : 'more than '}${counted(sum(failed.groups), 'message')} failed`]
      : []),
    ...(untold.length > 0 ? [`${counted(sum(untold), 'notification')} did not reach a customer`] : []),
    ...(typeof log === 'object' && !log.ok ? ['the audit log is damaged'] : []),
  ]
  return html`
    <${Headline} wrongs=${wrongs} isKnown=${isKnown} isAsking=${services === 'asking'} fault=${fault ?? looked.fault} />
    <div class="checks">
      <${Services} services=${services} />
      <${Queues} looked=${queues} />
      <${Stuck} hops=${stuck} behind=${gaps.behind} services=${services} queues=${queues} again=${again} />
      <${Failed} failed=${failed} />
      <${RetriesWaiting} services=${services} />
      <${Untold} hops=${untold} />
      <${Log} verdict=${log} tell=${tell} />
    </div>
    <${Events} />
  `
}

/** The service that should have published the missing event. @type {(hop: string) => string} */
const lateIn = (hop) => hop.split(' → ')[1]?.split('.')[0] ?? ''

const sum = (/** @type {{ count: number }[]} */ all) => all.reduce((total, one) => total + one.count, 0)

/**
 * `isKnown`: the failed messages and the states of the services are known. `isAsking`: the services have not answered yet.
 * @param {{ wrongs: string[], isKnown: boolean, isAsking: boolean, fault: unknown }} props
 */
function Headline({ wrongs, isKnown, isAsking, fault }) {
  if (fault !== undefined)
    return html`<header class="headline" data-tone="waiting">
      <div role="status"><h1 tabindex="-1">State unknown.</h1></div>
      <p>The page shows the last known state.</p>
      <${Fault} of=${fault} />
    </header>`
  const isWell = wrongs.length === 0
  if (isWell && isAsking)
    return html`<header class="headline" data-tone="waiting">
      <div role="status"><h1 tabindex="-1">Nothing wrong so far.</h1></div>
      <p>The services are still being asked.</p>
    </header>`
  const sentence = isWell ? 'All is well' : wrongs.join(', ').replace(/^./, (first) => first.toUpperCase())
  return html`<header class="headline" data-tone=${isWell ? 'good' : 'bad'}>
    <div role="status"><h1 tabindex="-1">${sentence}.</h1></div>
    <p>${isWell ? `No order is stuck${isKnown ? ', no message failed, every service answers' : ''}, and no notification was given up.` : 'The next step is shown with each item below.'}</p>
  </header>`
}

/** Fewer are read within a moment. */
const BEHIND_SHOWN = 100

/**
 * @typedef {{ services: Known, queues: import('../parts/queues.js').LookedQueues | undefined, again: () => void }} Around
 * @param {{ hops: Hop[], behind: number } & Around} props
 */
function Stuck({ hops, behind, ...around }) {
  const says = hops.length === 0 ? 'None: no event is overdue' : 'Events that should have followed are overdue'
  const following = behind > BEHIND_SHOWN ? `; ${counted(behind, 'event')} still to read` : ''
  return html`<${Check} title="Stuck orders" tone=${hops.length === 0 ? 'good' : 'bad'} says=${says + following}>
    ${hops.map((hop) => html`<${StuckHop} key=${hop.hop} hop=${hop} ...${around} />`)}
  <//>`
}

/**
 * Where the event may be that was not followed, for which nobody has a failed message.
 * @type {(hop: string, around: Around) => string}
 */
function whereabouts(hop, { services, queues }) {
  const service = lateIn(hop)
  const [after = ''] = hop.split(' → ')
  const backlog = queues?.queues.find((one) => one.backsUp !== null && one.queue === `${service}.queue`)
  if (backlog) return `It may wait in ${backlog.queue}, which backs up: then it is not lost.`
  if (!Array.isArray(services) || queues?.why !== null)
    return `If it waits under Retries or in a queue of ${service}, it is not lost. Otherwise it was lost: publish it again.`
  return isRetried(services, after)
    ? 'It may be one of those that wait under Retries: mend what they name. It is tried again by itself, and becomes a failed message when its attempts are used up; it is not lost.'
    : 'No retry and no queue that backs up has it, so it seems lost: publish it again.'
}

/** @param {{ hop: Hop } & Around} props */
function StuckHop({ hop: { hop, count: all, oldest, failed, areAllFailed, nextStep }, again, ...around }) {
  const [after = '', missing = ''] = hop.split(' → ')
  const resay = async (/** @type {import('../parts/act.js').Given} */ { operator, reason }) => {
    const { said } = await post('/audit/gaps/resay', { hop, expected: all, operator, reason })
    again()
    return `${counted(said, 'event')} published again. The gap closes within half a minute after the missing event.`
  }
  return html`<article class="item">
    <div class="item-what">
      <p><strong>${count(all)}</strong> × <span class="mono">${after}</span> was not followed by <span class="mono">${missing}</span></p>
      <p class="meta">
        <${Service} service=${lateIn(hop)} /> should have acted · oldest overdue for <${Age} since=${oldest} />
      </p>
      <${Touched} hop=${hop} all=${all} />
    </div>
    ${failed === 0 && nextStep !== null && html`<p class="next">${whereabouts(hop, { ...around, again })}</p>`}
    ${
      failed > 0 &&
      html`<p class="next">For ${areAllFailed ? 'all' : count(failed)} of these orders, <span class="mono">${after}</span> is a <a href="#/failed">failed message</a>: mend its cause, and send it again from there.${areAllFailed ? '' : html` Publish the others again, unless a <a href="#/failed/replays">replay</a> is sending them.`}</p>`
    }
    ${
      areAllFailed
        ? ''
        : nextStep === null
          ? html`<p class="next">No service handles <span class="mono">${after}</span>, so publishing it again does not help. Look at each order’s next step, and at the service’s log.</p>`
          : html`<${Act}
            open="Publish again …"
            does=${`Publish ${counted(all, 'event')} again`}
            explains=${`Publishes each recorded ${after} again, unchanged. A service that has handled it does nothing; a service that missed it handles it now.`}
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
    ${gaps.length < all && html`<li class="meta">and ${count(all - gaps.length)} more; the longest overdue are listed</li>`}
  </ul>`
}

/**
 * Turns `POST /notifications/x/resend (notification-service)` into a command for a terminal.
 * @type {(nextStep: string) => string}
 */
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
    return html`<${Check} title="Failed messages" tone="plain" says="Unknown"><${NotAvailable} what="a store of failed messages" /><//>`
  const { groups, areAll, missingQueues } = failed
  const says =
    groups.length === 0
      ? 'None'
      : `${counted(sum(groups), 'message')} of ${areAll ? '' : 'more than '}${counted(groups.length, 'cause')}`
  return html`<${Check} title="Failed messages" tone=${groups.length === 0 ? 'good' : 'bad'} says=${says} action=${html`<a href="#/failed">Show all</a>`}>
    ${missingQueues.length > 0 && html`<p class="aside">Missing queues: ${missingQueues.join(', ')}. A message that fails there is lost.</p>`}
    ${groups.slice(0, 8).map(
      ({
        fingerprint,
        count: all,
        reason,
        code,
        queue,
        type,
        oldest,
        sentBy,
        nextStep,
      }) => html`<article class="item" key=${fingerprint}>
        <div class="item-what">
          <p><strong>${count(all)}</strong> × ${reason || code}</p>
          <p class="meta"><span class="mono">${queue}</span> · ${type || 'unknown type'}${sentBy && ` from ${sentBy}`} · oldest failed <${Age} since=${oldest} /> ago</p>
          <p class="next">${nextStep}</p>
        </div>
        <a class="button" href=${`#/failed?${queryOf({ fingerprint })}`}>Review<span class="unseen"> ${reason || code}</span></a>
      </article>`,
    )}
  <//>`
}

/** @param {{ hops: Hop[] }} props */
function Untold({ hops }) {
  const says = hops.length === 0 ? 'None was given up' : 'Customers who could not be notified: all attempts failed'
  return html`<${Check} title="Failed notifications" tone=${hops.length === 0 ? 'good' : 'bad'} says=${says}>
    ${hops.map(
      ({ hop, count: all, oldest, failed, areAllFailed }) => html`<article class="item" key=${hop}>
        <div class="item-what">
          <p><strong>${count(all)}</strong> × ${hop.startsWith('notification.undelivered') ? 'accepted by the provider, then not delivered' : 'not sent'}</p>
          <p class="meta">oldest <${Age} since=${oldest} /> ago</p>
          <${Touched} hop=${hop} all=${all} />
        </div>
        ${
          failed > 0 &&
          html`<p class="next">For ${areAllFailed ? 'all' : count(failed)} of these orders, the request is a <a href="#/failed">failed message</a>: mend its cause, and send it again from there.</p>`
        }
        ${!areAllFailed && html`<p class="next">If the address works again, run the command that is shown with each order under “Which orders”. For another address, request a new notification.</p>`}
      </article>`,
    )}
  <//>`
}

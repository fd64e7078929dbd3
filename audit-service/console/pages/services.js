// The page of all services: state, copies and waiting messages. And the page of one service's retries.
import { html, useState } from '/console/packages/preact.js'
import { ask, askIfThere, post, Refused } from '../api.js'
import { Act } from '../parts/act.js'
import { usePolled } from '../parts/polling.js'
import { linkToRetries, STATUSES, TONES, Why } from '../parts/services.js'
import { Age, Badge, Fault, Moment, NotAvailable, OrderLink, Scrolling, Service } from '../parts/show.js'
import { count, counted, queryOf, serviceOf } from '../words.js'

/** @typedef {import('../parts/services.js').Looked} Looked */
/** @typedef {import('../parts/act.js').Given} Given */
/**
 * @typedef {{ id: string, queue: string, type: string, subject: string, attempts: number, dueAt: string, endsAt: string | null,
 *   waitsFor: string | null, code: string, why: string, keptAt: string }} Retry
 */

export function AllServices() {
  const { answer, fault } = usePolled(() => askIfThere('/operations/services').then((found) => ({ found })))
  const services = /** @type {Looked[] | undefined} */ (answer?.found?.services)
  return html`
    <h1 tabindex="-1">Services</h1>
    <p class="lead">audit-service asks each service over the broker. Each copy also reports its state every ten seconds.</p>
    <${Fault} of=${fault} />
    ${!answer && fault === undefined && html`<p class="aside">Asking the services …</p>`}
    ${answer && !services && html`<${NotAvailable} what="the state of the services" />`}
    ${
      services &&
      html`<${Scrolling} label="Services">
        <table class="list plain">
          <thead>
            <tr><th scope="col">Service</th>
            <th scope="col">State</th>
            <th scope="col" class="number">Copies</th>
            <th scope="col" class="number">Outbox</th>
            <th scope="col" class="number">Retries</th>
            <th scope="col">Cause and next step</th></tr>
          </thead>
          <tbody>${services.map((looked) => html`<${ServiceRow} key=${looked.service} looked=${looked} />`)}</tbody>
        </table>
      <//>`
    }
  `
}

/** @param {{ looked: Looked }} props */
function ServiceRow({ looked }) {
  const { service, status, since, copies, outboxRows, retries, nextStep } = looked
  const waiting = retries.reduce((sum, one) => sum + one.count, 0)
  const versions = [...new Set(copies.map(({ version }) => version))].join(' and ')
  return html`<tr>
    <td><${Service} service=${serviceOf(service)} /></td>
    <td><${Badge} tone=${TONES[status]}>${STATUSES[status]}<//>
      ${since !== null && status !== 'not_answering' && html` <span class="meta">for <${Age} since=${since} /></span>`}</td>
    <td class="number">${count(copies.length)}${versions && html` <span class="meta">of ${versions}</span>`}</td>
    <td class="number">${outboxRows === null ? '–' : count(outboxRows)}</td>
    <td class="number">${waiting === 0 ? '0' : html`<a href=${linkToRetries(looked)}>${count(waiting)}<span class="unseen"> that wait in ${service}</span></a>`}</td>
    <td><${Why} looked=${looked} />${nextStep && html`<span class="meta">${nextStep}</span>`}</td>
  </tr>`
}

const SHOWN = 50

/** The messages that wait for a retry in one service. @param {{ service: string }} props */
export function Retries({ service }) {
  const path = `/operations/services/${service}/retries`
  const { answer, fault, again } = usePolled(() => ask(`${path}?limit=${SHOWN}`), { key: service })
  const page = /** @type {{ retries: Retry[], next: string | null } | undefined} */ (answer)
  return html`
    <p class="crumbs"><a href="#/services">Services</a></p>
    <h1 tabindex="-1">Retries of ${service}</h1>
    <p class="lead">The service tries each message again when it is due. The message that is due next is listed first.</p>
    <${Fault} of=${fault} />
    ${!page && fault === undefined && html`<p class="aside">Asking the service …</p>`}
    ${page?.retries.length === 0 && html`<p class="aside">No message waits for a retry.</p>`}
    ${
      page &&
      page.retries.length > 0 &&
      html`${kindsIn(page.retries).map((type) => html`<${Kind} key=${type} path=${path} type=${type} again=${again} />`)}
      <section class="panel" aria-label="Retries">
        ${page.retries.map((retry) => html`<${Waiting} key=${retry.id} path=${path} retry=${retry} again=${again} />`)}
        ${page.next !== null && html`<p class="aside">There are more messages, which are due later.</p>`}
      </section>`
    }
  `
}

/** The types of which several are listed. @type {(retries: Retry[]) => string[]} */
const kindsIn = (retries) => {
  const types = retries.map(({ type }) => type)
  return [...new Set(types)].filter((type) => type !== '' && types.indexOf(type) !== types.lastIndexOf(type))
}

const AT_ONCE_MAX = 2_000

/** What can be done to all retries of one type. @param {{ path: string, type: string, again: () => void }} props */
function Kind({ path, type, again }) {
  const [progress, setProgress] = useState('')
  /** Listed before the first is changed: what fails again is due later, and would be listed once more. */
  async function idsOf() {
    /** @type {string[]} */
    const ids = []
    for (let after = ''; ids.length < AT_ONCE_MAX; ) {
      /** @type {{ retries: Retry[], next: string | null }} */
      const page = await ask(`${path}?${queryOf({ type, after, limit: 100 })}`)
      ids.push(...page.retries.map(({ id }) => id))
      if (page.next === null) break
      after = page.next
    }
    return ids
  }
  /**
   * False if it has been handled meanwhile, or is being handled.
   * @type {(id: string, how: 'hasten' | 'give-up', by: { operator: string, reason: string }) => Promise<boolean>}
   */
  async function change(id, how, by) {
    try {
      await post(`${path}/${id}/${how}`, by)
      return true
    } catch (fault) {
      if (fault instanceof Refused && (fault.status === 404 || fault.status === 409)) return false
      throw fault
    }
  }
  const all =
    (/** @type {'hasten' | 'give-up'} */ how, /** @type {string} */ done) =>
    async (/** @type {Given} */ { operator, reason }) => {
      const ids = await idsOf()
      let changed = 0
      try {
        for (const [index, id] of ids.entries()) {
          setProgress(`${count(index + 1)} of ${count(ids.length)} …`)
          if (await change(id, how, { operator, reason })) changed++
        }
      } finally {
        setProgress('')
        again()
      }
      return `${counted(changed, 'message')} ${done}`
    }
  return html`<div class="actions">
    <${Act} open=${`Hasten all ${type} …`} does="Try them now" explains="The service tries each of them now, one after the other." run=${all('hasten', 'hastened.')} />
    <${Act} isQuiet open=${`Give up all ${type} …`} does="Give them up"
      explains="The service makes no more attempts. Their handler decides the outcome, or they become failed messages, which can be sent again."
      run=${all('give-up', 'given up.')} />
    <p class="meta" role="status">${progress}</p>
  </div>`
}

/** @param {{ path: string, retry: Retry, again: () => void }} props */
function Waiting({ path, retry, again }) {
  const { id, queue, type, subject, attempts, dueAt, endsAt, waitsFor, code, why, keptAt } = retry
  const change =
    (/** @type {'hasten' | 'give-up'} */ how, /** @type {string} */ done) =>
    async (/** @type {Given} */ { operator, reason }) => {
      await post(`${path}/${id}/${how}`, { operator, reason })
      again()
      return done
    }
  return html`<article class="item">
    <div class="item-what">
      <p><span class="mono">${type || 'unknown type'}</span> of ${subject === '' ? 'no order' : html`<${OrderLink} orderId=${subject} />`}</p>
      <p>${why || code}</p>
      <p class="meta">${
        waitsFor?.startsWith('urn:')
          ? html`waits for a version that knows it, since <${Moment} at=${keptAt} />`
          : html`${counted(attempts, 'attempt')} since <${Moment} at=${keptAt} /> · due <${Moment} at=${dueAt} />`
      }
        ${endsAt !== null && html` · gives up <${Moment} at=${endsAt} />`} · <span class="mono">${queue}</span></p>
    </div>
    <div class="actions">
      <${Act} open="Hasten …" does="Try it now" explains="The service makes the next attempt at once." run=${change('hasten', 'Tried now. If it fails again, it stays in the list, with the reason.')} />
      <${Act} isQuiet open="Give up …" does="Give it up"
        explains="The service makes no more attempts. Its handler decides the outcome, or the message becomes a failed message."
        run=${change('give-up', 'Given up.')} />
    </div>
  </article>`
}

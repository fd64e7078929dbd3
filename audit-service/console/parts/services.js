// The services on the first page: which do not answer or are not ready, which outside systems are unavailable, and how many
// retries wait.
import { html } from '/console/packages/preact.js'
import { count, counted, serviceOf } from '../words.js'
import { Check } from './check.js'
import { Age, NotAvailable, Service } from './show.js'

/**
 * @typedef {{
 *   service: string, status: 'ready' | 'not_ready' | 'not_answering', since: string | null, why: string[], nextStep: string | null,
 *   copies: { copy: string, version: string, startedAt: string, seenAt: string, faults: string[] }[], outboxRows: number | null,
 *   retries: { type: string, count: number, oldest: string, unknown?: number, why?: string | null }[], openBreakers: string[]
 * }} Looked
 * @typedef {Looked[] | 'asking' | undefined} Known undefined: this version of audit-service cannot tell
 */

export const STATUSES = { ready: 'ready', not_ready: 'not ready', not_answering: 'does not answer' }
/** @type {Record<Looked['status'], import('./show.js').Tone>} */
export const TONES = { ready: 'good', not_ready: 'bad', not_answering: 'bad' }

/** @type {(looked: Looked) => string} */
export const linkToRetries = ({ service }) => `#/services/${service}/retries`

/** The headline's words about the services. Empty while all are well. @type {(services: Looked[]) => string[]} */
export function wrongsOf(services) {
  const named = (/** @type {Looked['status']} */ status) =>
    services.filter((one) => one.status === status).map(({ service }) => serviceOf(service))
  const [silent, unready] = [named('not_answering'), named('not_ready')]
  const alone = [...new Set(services.flatMap(({ openBreakers }) => openBreakers))]
  const behind = services.filter((one) => unknownOf(one) > 0)
  const unknown = behind.reduce((total, one) => total + unknownOf(one), 0)
  return [
    ...(silent.length > 0 ? [`${listed(silent)} ${silent.length === 1 ? 'does' : 'do'} not answer`] : []),
    ...(unready.length > 0 ? [`${listed(unready)} ${unready.length === 1 ? 'is' : 'are'} not ready`] : []),
    ...(alone.length > 0 ? [`${listed(alone)} ${alone.length === 1 ? 'is' : 'are'} unavailable`] : []),
    ...(unknown > 0
      ? [
          `${counted(unknown, 'message')} ${unknown === 1 ? 'waits' : 'wait'} for a newer version of ${listed(behind.map(({ service }) => serviceOf(service)))}`,
        ]
      : []),
  ]
}

/** Messages that only a newer version of the service can handle. @type {(looked: Looked) => number} */
const unknownOf = ({ retries }) => retries.reduce((total, { unknown = 0 }) => total + unknown, 0)

/** @type {(names: string[]) => string} */
const listed = (names) =>
  names.length < 3 ? names.join(' and ') : `${names.slice(0, -1).join(', ')} and ${names.at(-1)}`

/** @param {{ services: Known }} props */
export function Services({ services }) {
  const action = html`<a href="#/services">Show all</a>`
  if (services === 'asking')
    return html`<${Check} title="Services" tone="plain" says="Asking each of them …" action=${action} />`
  if (!services)
    return html`<${Check} title="Services" tone="plain" says="Unknown"><${NotAvailable} what="the state of the services" /><//>`
  const wrong = services.filter(({ status, openBreakers }) => status !== 'ready' || openBreakers.length > 0)
  const says =
    wrong.length === 0 ? `All ${count(services.length)} answer and are ready` : 'Nothing is lost: their messages wait'
  return html`<${Check} title="Services" tone=${wrong.length === 0 ? 'good' : 'bad'} says=${says} action=${action}>
    ${wrong.map(
      (looked) => html`<article class="item" key=${looked.service}>
        <div class="item-what">
          <p><${Service} service=${serviceOf(looked.service)} /> <strong>${STATUSES[looked.status]}</strong></p>
          <p class="meta"><${Why} looked=${looked} /></p>
        </div>
        <p class="next">${looked.nextStep}</p>
      </article>`,
    )}
  <//>`
}

/** The reasons, and since when. @param {{ looked: Looked }} props */
export function Why({ looked: { status, since, why, openBreakers } }) {
  const reasons = [
    ...why,
    ...openBreakers.map((name) => `calls to ${name} are stopped: its circuit breaker is open`),
  ].join(' · ')
  if (status !== 'not_answering') return html`${reasons}`
  return html`${reasons} · ${since === null ? 'no report for a day' : html`last report <${Age} since=${since} /> ago`}`
}

/** Whether a message of this type waits for a retry. @type {(services: Looked[], type: string) => boolean} */
export const isRetried = (services, wanted) =>
  services.some(({ retries }) => retries.some(({ type }) => type === wanted))

/** @param {{ services: Known }} props */
export function RetriesWaiting({ services }) {
  if (services === 'asking') return html`<${Check} title="Retries" tone="plain" says="Asking each service …" />`
  const waiting = (services ?? []).filter(({ retries }) => retries.length > 0)
  const all = waiting.flatMap(({ retries }) => retries)
  const sum = all.reduce((total, one) => total + one.count, 0)
  const unknown = waiting.reduce((total, one) => total + unknownOf(one), 0)
  const soon = [
    ...(sum > unknown ? [`${counted(sum - unknown, 'message')} will be tried again`] : []),
    ...(unknown > 0 ? [`${counted(unknown, 'message waits', 'messages wait')} for a newer version`] : []),
  ]
  const says = !services ? 'Unknown' : sum === 0 ? 'None' : soon.join(', ')
  const tone = unknown > 0 ? 'bad' : sum === 0 ? 'good' : 'waiting'
  return html`<${Check} title="Retries" tone=${!services ? 'plain' : tone} says=${says}>
    ${waiting.map(
      (looked) => html`<article class="item" key=${looked.service}>
        <div class="item-what">
          ${looked.retries.map(
            ({ type, count: some, oldest, why }) => html`<div key=${type}>
              <p><strong>${count(some)}</strong> × <span class="mono">${type || 'unknown type'}</span>
              <span class="meta"> oldest waiting for <${Age} since=${oldest} /></span></p>
              ${
                why &&
                html`<p>The one tried most often failed: ${why}</p>
                <p class="next">Mend what this names. Then each is tried again by itself when it is due; the review says when, and can hasten it.</p>`
              }
            </div>`,
          )}
          <p class="meta">in <${Service} service=${serviceOf(looked.service)} /></p>
          ${
            unknownOf(looked) > 0 &&
            html`<p class="next">${count(unknownOf(looked))} of them ${unknownOf(looked) === 1 ? 'has' : 'have'} a type or version that this ${looked.service} does not know. Start a version that knows it: it handles them at once. Until then nothing is tried, and after a week they become failed messages.</p>`
          }
        </div>
        <a class="button" href=${linkToRetries(looked)}>Review<span class="unseen"> the retries of ${looked.service}</span></a>
      </article>`,
    )}
  <//>`
}

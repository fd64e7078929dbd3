// Small parts of every page: times, badges, faults.
import { html } from '/console/packages/preact.js'
import { Refused } from '../api.js'
import { age, linkToOrder, moment, zone } from '../words.js'

/** @typedef {'good' | 'bad' | 'waiting' | 'plain' | 'under-way'} Tone */

/** @param {{ at: string }} props */
export const Moment = ({ at }) => html`<time datetime=${at} title=${`${at} (shown in ${zone})`}>${moment(at)}</time>`

/** @param {{ since: string }} props */
export const Age = ({ since }) => html`<time datetime=${since} title=${since}>${age(since)}</time>`

/** @param {{ tone?: Tone, children?: unknown }} props */
export const Badge = ({ tone = 'plain', children }) => html`<span class="badge" data-tone=${tone}>${children}</span>`

/** @param {{ service: string }} props */
export const Service = ({ service }) => html`<span class="who" data-service=${service}>${service}</span>`

/** @param {{ orderId: string }} props */
export const OrderLink = ({ orderId }) => html`<a class="id" href=${linkToOrder(orderId)}>${orderId}</a>`

/** A sentence about a failed request. Nothing if there is no fault. @param {{ of: unknown }} props */
export function Fault({ of }) {
  if (of === undefined) return null
  const sentence = of instanceof Refused ? of.message : 'audit-service does not answer. Trying again.'
  return html`<p class="fault" role="alert">${sentence}</p>`
}

/** @param {{ what: string }} props */
export const NotAvailable = ({ what }) =>
  html`<p class="aside">This version of audit-service does not provide ${what}.</p>`

/** A wide table that scrolls on its own, by keyboard too. @param {{ label: string, children?: unknown }} props */
export const Scrolling = ({ label, children }) =>
  html`<div class="scroll" role="region" aria-label=${label} tabindex="0">${children}</div>`

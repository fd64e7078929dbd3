// One check of the first page: whether it is good, and what is wrong.
import { html } from '/console/packages/preact.js'

/** @param {{ title: string, tone: import('./show.js').Tone, says: string, action?: unknown, children?: unknown }} props */
export const Check = ({
  title,
  tone,
  says,
  action,
  children,
}) => html`<section class="check" data-tone=${tone} aria-label=${title}>
  <header>
    <h2>${title}</h2>
    <p>${says}</p>
    ${action}
  </header>
  ${children}
</section>`

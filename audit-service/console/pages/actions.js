// The page of the operators' actions and their reasons, from the audit log, newest first.
import { html, useState } from '/console/packages/preact.js'
import { ask, askIfThere } from '../api.js'
import { usePolled } from '../parts/polling.js'
import { Fault, Moment, NotAvailable, Scrolling } from '../parts/show.js'
import { count, queryOf, zone } from '../words.js'

/** @typedef {{ sequence: number, at: string, operator: string, reason: string, action: string, about: object }} Action */
/** @typedef {{ actions: Action[], next: number | null }} ActionPage */

const PAGE = 50

export function Actions() {
  const { answer, fault } = usePolled(() => askIfThere(`/actions?limit=${PAGE}`).then((page) => ({ page })))
  const page = /** @type {ActionPage | undefined} */ (answer?.page)
  const [earlier, setEarlier] = useState(/** @type {ActionPage | undefined} */ (undefined))
  const newest = page?.actions ?? []
  const oldest = newest.at(-1)?.sequence ?? 0
  const rows = [...newest, ...(earlier?.actions ?? []).filter(({ sequence }) => sequence < oldest)]
  const next = earlier ? earlier.next : (page?.next ?? null)
  async function older() {
    /** @type {ActionPage} */
    const found = await ask(`/actions?${queryOf({ limit: PAGE, before: next ?? '' })}`)
    setEarlier({ actions: [...(earlier?.actions ?? []), ...found.actions], next: found.next })
  }
  return html`
    <h1 tabindex="-1">Who did what</h1>
    <p class="lead">Each action is an event in the audit log. <code>GET /audit/verify</code> checks it like any other event.</p>
    <${Fault} of=${fault} />
    ${answer && !page && html`<${NotAvailable} what="a record of actions" />`}
    ${page && rows.length === 0 && html`<p class="aside">No operator has acted yet.</p>`}
    ${
      rows.length > 0 &&
      html`<${Scrolling} label="Actions">
        <table class="list plain">
          <thead>
            <tr><th scope="col">At (${zone})</th>
            <th scope="col">Who</th>
            <th scope="col">What</th>
            <th scope="col">Why</th>
            <th scope="col">About</th></tr>
          </thead>
          <tbody>
            ${rows.map(
              ({ sequence, at, operator, action, reason, about }) => html`<tr key=${sequence}>
                <td class="time"><${Moment} at=${at} /></td>
                <td>${operator}</td>
                <td>${action.replaceAll('_', ' ')}</td>
                <td>${reason}</td>
                <td class="mono">${aboutIn(about)}</td>
              </tr>`,
            )}
          </tbody>
        </table>
      <//>`
    }
    ${next !== null && rows.length > 0 && html`<p class="more"><button type="button" onClick=${older}>Show older actions</button></p>`}
  `
}

const NAMED = 3

/** @type {(about: object) => string} */
function aboutIn(about) {
  return Object.entries(about)
    .map(([name, value]) => {
      const values = Array.isArray(value)
        ? value
        : [typeof value === 'object' && value !== null ? JSON.stringify(value) : value]
      const more = values.length > NAMED ? ` and ${count(values.length - NAMED)} more` : ''
      return `${name} ${values.slice(0, NAMED).join(', ')}${more}`
    })
    .join(' · ')
}
